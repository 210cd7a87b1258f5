//! The date that some templates put into the prompt: `strftime_now`, which transformers defines as Python's
//! `datetime.now().strftime`: local time, without a time zone, in the C locale.

use jiff::{civil::DateTime, fmt::strtime};

/// Letters that mean the same to Python and to jiff.
const LETTERS: &str = "aAbBcCdDeFgGhHIjklmMnpPrRStTuUVwWxXyY%";

/// `now` in Python's `strftime` notation; a letter that is not known is refused.
pub(super) fn format_date(now: DateTime, format: &str) -> Result<String, String> {
    let mut plain = String::new();
    let mut signs = format.chars();
    while let Some(sign) = signs.next() {
        if sign != '%' {
            plain.push(sign);
            continue;
        }
        let mut directive = String::from("%");
        let mut letter = signs.next();
        while let Some(flag @ ('-' | '_' | '0' | '^' | '#')) = letter {
            directive.push(flag);
            letter = signs.next();
        }
        match letter {
            // A time without a zone has no name and no offset.
            Some('z' | 'Z') => {}
            Some('f') => plain.push_str(&format!("{:06}", now.subsec_nanosecond() / 1000)),
            // As the C locale writes them, whatever another library takes for usual.
            Some('c') => plain.push_str("%a %b %e %H:%M:%S %Y"),
            Some('x') => plain.push_str("%m/%d/%y"),
            Some('X') => plain.push_str("%H:%M:%S"),
            Some('r') => plain.push_str("%I:%M:%S %p"),
            Some('h') => plain.push_str("%b"),
            Some(letter) if LETTERS.contains(letter) => {
                directive.push(letter);
                plain.push_str(&directive);
            }
            other => {
                let other = other.map(String::from).unwrap_or_default();
                return Err(format!("strftime_now does not know {directive}{other}"));
            }
        }
    }
    strtime::format(&plain, now).map_err(|error| format!("strftime_now: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;

    #[test]
    fn dates_are_written_as_python_writes_them() {
        let format_date =
            |format| format_date(datetime(2024, 2, 9, 5, 3, 7, 45_678_000), format).unwrap();
        // Each is what Python 3.12 gives in the C locale.
        for (format, expected) in [
            ("%A %d %B %Y %H:%M:%S", "Friday 09 February 2024 05:03:07"),
            ("%a %-d %b %y, %e|%k|%l", "Fri 9 Feb 24,  9| 5| 5"),
            ("%I:%M %p %j %u %w %U %W %V %G", "05:03 AM 040 5 5 05 06 06 2024"),
            (
                "%c|%x|%X|%D|%F|%T|%R|%r|%h",
                "Fri Feb  9 05:03:07 2024|02/09/24|05:03:07|02/09/24|2024-02-09|05:03:07|05:03|05:03:07 AM|Feb",
            ),
            ("%f [%z] [%Z] %% %C %g %P%n%t.", "045678 [] [] % 20 24 am\n\t."),
            ("Jahr %Y, größer", "Jahr 2024, größer"),
        ] {
            assert_eq!(format_date(format), expected, "{format}");
        }
    }

    #[test]
    fn an_unknown_letter_is_refused() {
        for format in ["%Q", "%", "%E", "%-"] {
            let said = format_date(datetime(2024, 2, 9, 0, 0, 0, 0), format).unwrap_err();
            assert!(said.starts_with("strftime_now does not know %"), "{said}");
        }
    }
}
