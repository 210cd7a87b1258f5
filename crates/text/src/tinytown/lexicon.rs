//! The words of the tales: a list for every slot of the grammar. A word may hold slots itself.

/// The words that may stand in a slot, or none for a slot that is not known.
#[rustfmt::skip]
pub(super) fn words(slot: &str) -> &'static [&'static str] {
    match slot {
        "fence" => &[
            "fence", "gate", "wall", "roof", "door", "porch", "stairs", "chimney", "shed",
            "ladder", "bridge", "balcony", "shutters", "window", "bench", "barn",
        ],
        "broken" => {
            &["broken", "crooked", "rusty", "leaky", "cracked", "shaky", "wooden", "rotten"]
        }
        "floor" => &["floor", "kitchen", "yard", "cellar", "attic", "hall", "terrace", "carpet"],
        "dishes" => &[
            "dishes", "plates", "forks", "spoons", "knives", "glasses", "bowls", "pots", "pans",
            "windows", "mirrors", "buckets", "bottles", "kettles",
        ],
        "beasts" => &[
            "chickens", "sheep", "pigs", "cows", "donkeys", "rabbits", "geese", "pigeons",
            "ponies", "kittens", "puppies", "lambs", "swans", "squirrels", "sparrows", "calves",
            "turkeys",
        ],
        "beast" => &[
            "sheep", "pig", "cow", "donkey", "rabbit", "pony", "kitten", "puppy", "lamb", "mule",
            "calf", "hound", "camel", "monkey", "parrot", "hedgehog", "squirrel", "badger", "owl",
            "otter", "elephant", "turtle", "snail", "beaver", "mole",
        ],
        "berries" => &[
            "berries", "mushrooms", "nuts", "cherries", "plums", "pears", "apples", "figs",
            "herbs", "acorns", "shells", "feathers", "pebbles", "grapes", "peaches",
            "strawberries", "roses", "tulips", "daisies", "violets", "clover", "firewood", "moss",
            "sticks",
        ],
        "vegetables" => &[
            "carrots", "onions", "beans", "peas", "potatoes", "turnips", "cabbages", "pumpkins",
            "tomatoes", "radishes", "leeks", "beets", "cucumbers", "peppers", "garlic", "spinach",
            "lettuce",
        ],
        "pastries" => &[
            "cookies", "rolls", "muffins", "pies", "pancakes", "biscuits", "buns", "waffles",
            "tarts", "loaves", "pretzels", "cakes",
        ],
        "vessel" => &[
            "pot", "jug", "bowl", "bucket", "kettle", "mug", "glass", "bottle", "barrel", "jar",
            "pitcher", "flask",
        ],
        "drink" => &[
            "milk", "tea", "water", "cider", "juice", "coffee", "cocoa", "lemonade", "cream",
            "broth", "soup", "porridge", "sauce", "syrup", "vinegar", "punch",
        ],
        "garment" => &[
            "scarf", "sweater", "shirt", "dress", "skirt", "jacket", "cloak", "vest", "apron",
            "cap", "shawl", "sock", "glove", "mitten", "blanket", "curtain", "quilt", "pillow",
            "flag", "costume", "bonnet", "ribbon", "belt",
        ],
        "hook" => &["hook", "nail", "line", "branch", "chair", "peg", "rail"],
        "instrument" => &[
            "piano", "violin", "flute", "drum", "trumpet", "harp", "guitar", "fiddle", "organ",
            "accordion", "banjo", "horn", "cello", "bagpipe", "tambourine",
        ],
        "song" => {
            &["song", "tune", "melody", "march", "waltz", "ballad", "lullaby", "hymn", "polka"]
        }
        "message" => &[
            "letter", "poem", "story", "note", "postcard", "report", "diary", "book", "play",
            "riddle", "joke", "newspaper", "recipe", "sign", "poster", "speech", "legend",
        ],
        "picture" => &["picture", "map", "portrait", "sketch", "plan", "drawing", "painting"],
        "topic" => &[
            "the sea", "the moon", "the stars", "the war", "the weather", "the harvest",
            "the holidays", "the price of {vegetables}", "love", "money", "music", "football",
            "ghosts", "pirates", "giants", "dragons", "dinosaurs", "the old {building}",
            "distant islands", "the wedding", "a lost {toy}", "{folk}", "far countries",
            "the circus", "science", "history", "the future", "trains", "planets", "the desert",
            "the jungle", "a secret treasure", "the election", "tomorrow", "the {beast} next door",
            "good neighbors", "the past", "poetry", "adventure",
        ],
        "folk" => &["{crowd}", "{someone}"],
        "theywere" => &["{crowd} were", "{someone} was"],
        "crowd" => &[
            "the children", "the neighbors", "the guests", "the twins", "the soldiers",
            "the pupils", "the sailors", "the grandparents", "the cousins", "the students",
            "the orphans", "the villagers", "two travelers", "three tourists", "the musicians",
            "the firemen",
        ],
        "someone" => &[
            "the mayor", "the baby", "the old captain", "a stranger", "the poet", "the postman",
            "the shepherd", "the clown", "the wizard", "the shopkeeper", "the priest",
            "a traveler", "the widow", "the professor", "the general", "the lawyer", "the clerk",
            "the pilot", "the blacksmith", "the detective",
        ],
        "toy" => &[
            "puppet", "doll", "sled", "whistle", "puzzle", "swing", "windmill", "castle", "rocket",
            "ship", "robot", "mask", "wagon", "raft", "trap", "nest", "cage", "toy", "crown",
            "sword",
        ],
        "stuff" => &[
            "wood", "paper", "straw", "clay", "wire", "cardboard", "tin", "leather", "wool",
            "glass", "sand", "bricks", "planks", "hay", "coal", "cotton", "iron", "stone",
            "rubber", "boxes",
        ],
        "furniture" => &[
            "table", "chair", "sofa", "shelf", "cupboard", "desk", "stool", "bed", "wardrobe",
            "chest", "stove", "oven", "cradle", "drawer", "counter", "piano", "mirror", "rug",
        ],
        "seat" => &["chair", "bench", "sofa", "stool", "bed", "chest", "rug", "barrel", "stone"],
        "vehicle" => &[
            "cart", "wagon", "bicycle", "tractor", "truck", "bus", "carriage", "taxi", "sledge",
            "barrow", "scooter", "trailer", "train", "van",
        ],
        "slope" => {
            &["hill", "mountain", "tower", "cliff", "stairs", "ladder", "ridge", "dune", "bank"]
        }
        "path" => &[
            "path", "road", "street", "lane", "beach", "shore", "trail", "alley", "valley",
            "track", "avenue", "canal", "highway",
        ],
        "plant" => &[
            "oak", "willow", "pine", "birch", "elm", "maple", "hedge", "bush", "ivy", "cedar",
            "tree", "rosebush", "sunflower", "apple tree", "ash", "fir", "poplar",
        ],
        "leaves" => &["leaves", "weeds", "grass", "branches", "twigs", "papers", "letters"],
        "water" => &["river", "lake", "pond", "sea", "stream", "bay", "pool", "harbor", "creek"],
        "sky" => &[
            "clouds", "stars", "moon", "sunset", "sunrise", "rainbow", "lightning", "storm",
            "birds", "snowflakes", "comet", "balloons", "bats", "swallows", "sky", "butterflies",
        ],
        "flame" => &["candle", "lantern", "fire", "lamp", "stove", "torch", "fireplace", "bonfire"],
        "building" => &[
            "school", "church", "library", "museum", "bakery", "castle", "theater", "factory",
            "inn", "hotel", "hospital", "station", "bank", "palace", "cottage", "temple", "stable",
            "mill", "lighthouse", "prison", "post office", "town hall", "workshop", "greenhouse",
            "pharmacy",
        ],
        "number" => &[
            "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
            "twelve", "twenty", "thirty", "forty", "fifty", "sixty", "a hundred",
        ],
        "place" => &[
            "the market", "the river", "the mill", "the school", "the bridge", "the garden",
            "the park", "the harbor", "the forest", "the farm", "the bakery", "the library",
            "the lake", "the inn", "the station", "the beach", "the castle", "the church",
            "the meadow", "the orchard", "the fountain", "the square", "the field", "the old well",
            "the tower", "the theater",
        ],
        "adj" => &[
            "little", "old", "big", "small", "heavy", "strange", "lovely", "dusty", "clever",
            "lazy", "pretty", "funny", "fine", "ugly", "huge", "quiet", "noisy", "gentle", "proud",
            "shy", "famous", "simple", "soft", "warm", "cold", "wet", "odd", "new", "young",
            "tall", "short", "round", "thin", "fat", "brave", "curious", "hungry", "sleepy",
            "muddy", "shiny", "cheap", "elegant", "ordinary", "expensive", "ancient", "excellent",
            "beautiful", "terrible", "wonderful", "enormous", "perfect", "modern", "foreign",
            "peculiar", "plain",
        ],
        "treasure" => &[
            "kite", "lamp", "cup", "hat", "box", "book", "key", "bell", "ring", "coat", "spoon",
            "plate", "basket", "rope", "drum", "ball", "clock", "umbrella", "coin", "compass",
            "egg", "envelope", "necklace", "purse", "watch", "button", "needle", "hammer", "axe",
            "apple", "orange", "jewel", "teapot", "boot", "broom", "brush", "pencil", "pipe",
            "vase", "wallet", "whistle", "stamp", "medal", "backpack", "suitcase", "lantern",
            "magnet", "marble", "notebook", "telescope",
        ],
        "feeling" => &[
            "happy", "sad", "tired", "angry", "hungry", "thirsty", "lonely", "proud", "afraid",
            "bored", "surprised", "worried", "cheerful", "excited", "nervous", "calm", "jealous",
            "sleepy", "ashamed", "grateful", "curious", "lucky", "confused", "content", "sick",
            "restless",
        ],
        "how" => &[
            "slowly", "quickly", "quietly", "gladly", "sadly", "carefully", "softly", "loudly",
            "bravely", "kindly", "politely", "suddenly", "patiently", "eagerly", "gently",
            "calmly", "proudly", "secretly", "happily", "nervously", "cheerfully", "warmly",
            "wisely", "briskly", "firmly", "seriously", "honestly", "clumsily",
        ],
        _ => super::phrases::phrases(slot),
    }
}
