//! The words that things are asked by: people, colors, animals, and pairs that differ in one meaning.
//! The words of the tales stand in `lexicon`.

/// Who lives in town; the first half are men. Their facts are the same in every story.
pub(super) const RESIDENTS: [&str; 48] = [
    "tom", "sam", "ben", "jack", "max", "leo", "peter", "paul", "henry", "frank", "hugo", "simon",
    "walter", "arthur", "oliver", "felix", "edgar", "roger", "victor", "albert", "philip",
    "daniel", "martin", "stefan", "mary", "lucy", "ella", "ruby", "lila", "emma", "clara", "sarah",
    "alice", "betty", "martha", "diana", "greta", "jane", "kate", "amy", "molly", "susan", "ruth",
    "nina", "irene", "olga", "edith", "wanda",
];

/// Who passes through; they bear another second name in every story.
pub(super) const VISITORS: [&str; 16] = [
    "anna", "bella", "carl", "david", "emil", "fiona", "george", "helen", "ivan", "julia", "kevin",
    "laura", "marco", "nora", "oscar", "paula",
];

pub(super) const SURNAMES: [&str; 16] = [
    "smith", "jones", "brook", "wood", "banks", "bell", "cross", "ford", "lane", "moss", "reed",
    "ward", "price", "hart", "cole", "nash",
];

pub(super) const COLORS: [&str; 14] = [
    "red", "blue", "green", "yellow", "white", "black", "brown", "pink", "gray", "purple",
    "golden", "silver", "striped", "spotted",
];

/// What has a color in the stories that are asked about.
pub(super) const COLORED: [&str; 16] = [
    "bird", "fish", "cat", "dog", "horse", "frog", "duck", "goat", "fox", "hen", "boat", "kite",
    "lamp", "cup", "hat", "box",
];

/// Words of the lists that repeat.
pub(super) const LISTED: [&str; 72] = [
    "bird", "fish", "cat", "dog", "horse", "frog", "duck", "goat", "fox", "hen", "boat", "kite",
    "lamp", "cup", "hat", "box", "tree", "house", "river", "garden", "bread", "soup", "cheese",
    "honey", "cake", "table", "chair", "door", "window", "bed", "book", "letter", "key", "bell",
    "ring", "shoe", "coat", "spoon", "plate", "basket", "rope", "drum", "ball", "clock", "stone",
    "leaf", "flower", "moon", "star", "sun", "rain", "snow", "wind", "hill", "road", "bridge",
    "farm", "mill", "market", "school", "king", "queen", "boy", "girl", "red", "blue", "green",
    "yellow", "white", "black", "brown", "pink",
];

pub(super) const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

pub(super) const TOWNS: [&str; 12] = [
    "ashby", "brent", "calder", "dunmore", "elton", "farley", "glenby", "hollin", "kirby",
    "larkhill", "marlow", "norwick",
];

/// None begins with a vowel: a question may end in `a`.
pub(super) const JOBS: [&str; 12] = [
    "baker", "teacher", "doctor", "farmer", "sailor", "painter", "singer", "tailor", "miller",
    "gardener", "nurse", "driver",
];

pub(super) const FOODS: [&str; 12] = [
    "bread", "soup", "cheese", "rice", "honey", "cake", "jam", "corn", "pudding", "toast", "salad",
    "pie",
];

/// Countries and their capitals.
pub(super) const CAPITALS: [(&str, &str); 20] = [
    ("france", "paris"),
    ("italy", "rome"),
    ("spain", "madrid"),
    ("japan", "tokyo"),
    ("egypt", "cairo"),
    ("greece", "athens"),
    ("norway", "oslo"),
    ("peru", "lima"),
    ("cuba", "havana"),
    ("kenya", "nairobi"),
    ("china", "beijing"),
    ("russia", "moscow"),
    ("poland", "warsaw"),
    ("austria", "vienna"),
    ("england", "london"),
    ("ireland", "dublin"),
    ("portugal", "lisbon"),
    ("finland", "helsinki"),
    ("sweden", "stockholm"),
    ("india", "delhi"),
];

/// Men and women of the same kind, where one meets them, and what they are known for.
pub(super) const GENDERS: [(&str, &str, &str, &str); 12] = [
    ("man", "woman", "market", "walks down the street"),
    ("boy", "girl", "school", "learns to read"),
    ("king", "queen", "castle", "wears the crown"),
    ("prince", "princess", "palace", "rides a white horse"),
    ("uncle", "aunt", "garden", "brings presents"),
    ("father", "mother", "kitchen", "cooks supper"),
    ("brother", "sister", "playground", "shares the toys"),
    ("actor", "actress", "theater", "plays on the stage"),
    ("son", "daughter", "house", "is the youngest of all"),
    ("husband", "wife", "church", "keeps a promise"),
    ("duke", "duchess", "park", "sits in a carriage"),
    ("waiter", "waitress", "inn", "serves the soup"),
];

pub(super) const OPPOSITES: [(&str, &str); 24] = [
    ("hot", "cold"),
    ("big", "small"),
    ("up", "down"),
    ("old", "new"),
    ("fast", "slow"),
    ("long", "short"),
    ("light", "dark"),
    ("wet", "dry"),
    ("hard", "soft"),
    ("full", "empty"),
    ("rich", "poor"),
    ("happy", "sad"),
    ("open", "shut"),
    ("day", "night"),
    ("left", "right"),
    ("high", "low"),
    ("good", "bad"),
    ("loud", "quiet"),
    ("early", "late"),
    ("clean", "dirty"),
    ("strong", "weak"),
    ("near", "far"),
    ("first", "last"),
    ("summer", "winter"),
];

/// One and many.
pub(super) const PLURALS: [(&str, &str); 28] = [
    ("bird", "birds"),
    ("cat", "cats"),
    ("dog", "dogs"),
    ("horse", "horses"),
    ("frog", "frogs"),
    ("duck", "ducks"),
    ("goat", "goats"),
    ("fox", "foxes"),
    ("hen", "hens"),
    ("boat", "boats"),
    ("kite", "kites"),
    ("lamp", "lamps"),
    ("cup", "cups"),
    ("hat", "hats"),
    ("box", "boxes"),
    ("tree", "trees"),
    ("house", "houses"),
    ("book", "books"),
    ("letter", "letters"),
    ("key", "keys"),
    ("mouse", "mice"),
    ("child", "children"),
    ("leaf", "leaves"),
    ("flower", "flowers"),
    ("star", "stars"),
    ("shoe", "shoes"),
    ("goose", "geese"),
    ("foot", "feet"),
];

/// Today and yesterday.
pub(super) const PASTS: [(&str, &str); 24] = [
    ("go", "went"),
    ("see", "saw"),
    ("take", "took"),
    ("give", "gave"),
    ("find", "found"),
    ("make", "made"),
    ("run", "ran"),
    ("sing", "sang"),
    ("eat", "ate"),
    ("drink", "drank"),
    ("sleep", "slept"),
    ("come", "came"),
    ("write", "wrote"),
    ("swim", "swam"),
    ("fall", "fell"),
    ("sit", "sat"),
    ("stand", "stood"),
    ("buy", "bought"),
    ("think", "thought"),
    ("bring", "brought"),
    ("say", "said"),
    ("know", "knew"),
    ("lose", "lost"),
    ("fly", "flew"),
];
