//! Which passwords are refused: too short, or among the first that anybody would guess.

use schema::{Error, Result};

use super::Person;

const MIN_CHARS: usize = 10;
const MAX_CHARS: usize = 200;
/// A part of a name is no password by itself, from this length on.
const NAME_PART_MIN_CHARS: usize = 4;
/// What has fewer different characters is one key held down.
const DIFFERENT_MIN: usize = 4;

/// What passwords are most often made of. A number, a year or a mark at either end changes nothing,
/// and neither do digits for letters.
const COMMON: &str = "\
    aaaaaaaaaa abcdefghij abcdefghijk abcdefghijkl access action adidas admin administrator adobe \
    airborne amanda amazing america andrea andrew angela angels animal anthony apple apples apollo \
    arsenal asdfasdf asdfgh asdfghjk asdfghjkl asdfghjklzxcvbnm ashley august austin azerty \
    azertyuiop bailey banana bandit barcelona baseball basketball batman beautiful benjamin \
    bigdaddy blessed blink bonjour boomer boston bradley brandon brooklyn bubbles bulldog buster \
    butterfly butthead california camaro canada captain carlos casper challenge changeit changeme \
    charlie cheese chelsea chester chicago chicken chocolate christian cocacola codex coffee \
    college compaq computer cookie corvette country cowboy cowboys cricket crystal dallas daniel \
    danielle darkness default diablo diamond dolphin dolphins dragon eagles elephant elizabeth \
    eminem england facebook falcon family ferrari fishing florida flower flowers football forever \
    francisco freedom friend friends fuckyou galaxy gandalf garfield gateway geheim george \
    ghbdtn giants ginger godzilla golden goldfish google guitar hallo hammer hannah happiness \
    happy harley heaven hello hellohello helloworld hockey hunter iloveu iloveyou iloveyoubaby \
    internet jackson jasmine jennifer jessica jesus jesuschrist johnny jonathan jordan joseph \
    joshua junior justin killer kitten lakers lauren letmein letmeinnow linkedin liverpool \
    loveme lovely loveyou lucky macbook madison magic manchester manchesterunited marina \
    marlboro martin master matrix matthew maverick melissa mercedes merlin metallica michael \
    michelle mickey microsoft midnight minecraft monday monica monkey monster morgan mother \
    motorola mountain mustang mypassword nascar natasha newyork nicholas nicole nintendo nirvana \
    nothing october oliver orange packers panther pass passord passw passwort password \
    passwordpassword passwrd patrick peaches peanut pepper phoenix playboy player pokemon \
    pokemonpokemon porsche prince princess purple qazwsx qazwsxedc qazwsxedcrfv qwaszx qwer \
    qwert qwertasdfgzxcvb qwerty qwertyqwerty qwertyu qwertyui qwertyuiop qwertyuiopasdfghjkl \
    qwertz qwertzuiop rainbow ranger rangers rebecca redsox richard robert rocket root samantha \
    samsung sandra saturn scooby scooter scorpion secret secure security september server shadow \
    shannon sierra silver slayer slipknot snoopy soccer sophie spider spiderman squirrel starwars \
    steelers steven stupid success summer sunflower sunshine superman superstar sweetheart \
    sydney system taylor teacher temp tennis test tester testing testtest thomas thunder tiffany \
    tigers tigger toor toyota trustno tucker turtle united user vampire victor victoria viking \
    voyager warrior welcome welcomewelcome whatever william willow wilson winner winston winter \
    wizard xavier yamaha yankees yellow zxcvbn zxcvbnm zzzzzzzzzz";

/// Rows of keys, and counting: a part of one is no password, in either direction.
const ROWS: [&str; 6] = [
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "1q2w3e4r5t6y7u8i9o0p",
];

/// Says why a person had better choose another password.
pub fn check(field: &str, password: &str, person: &Person) -> Result<()> {
    let length = password.chars().count();
    if !(MIN_CHARS..=MAX_CHARS).contains(&length) {
        let message = format!("{MIN_CHARS} to {MAX_CHARS} characters: a few words, for example");
        return Err(Error::field(field, message));
    }
    if password.chars().any(char::is_control) {
        return Err(Error::field(field, "without control characters"));
    }
    if is_common(password) {
        return Err(Error::field(field, "among the first that are guessed: choose another"));
    }
    if is_about(password, person) {
        return Err(Error::field(field, "not your name or your mail address: choose another"));
    }
    Ok(())
}

fn is_common(password: &str) -> bool {
    let lower = password.to_lowercase();
    let mut different: Vec<char> = lower.chars().collect();
    different.sort_unstable();
    different.dedup();
    if different.len() < DIFFERENT_MIN || ROWS.iter().any(|row| is_part(&lower, row)) {
        return true;
    }
    let is_word = |text: &str| COMMON.split_whitespace().any(|word| word == text);
    let bare = bare(&lower);
    [&lower, bare, &plain(&lower), &plain(bare)].into_iter().any(is_word)
}

/// Whether a text is a piece of a row, forwards, backwards or repeated.
fn is_part(text: &str, row: &str) -> bool {
    let backwards: String = text.chars().rev().collect();
    [text, &backwards].into_iter().any(|text| {
        let half = text.get(..text.len() / 2).unwrap_or_default();
        row.contains(text) || (text == half.repeat(2) && row.contains(half))
    })
}

/// Digits and marks that stand for letters, as letters.
fn plain(text: &str) -> String {
    let letter = |c| match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    text.chars().map(letter).collect()
}

/// What is left without the digits and marks at either end.
fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| !c.is_alphabetic())
}

/// Whether nothing much is left when what everybody knows of a person is taken away.
fn is_about(password: &str, person: &Person) -> bool {
    let lower = password.to_lowercase();
    let known = [person.name.as_deref(), person.email.as_deref()];
    let whole = known.into_iter().flatten().map(str::to_lowercase).collect::<Vec<_>>();
    let parts = whole.iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
    let parts = parts.filter(|part| part.chars().count() >= NAME_PART_MIN_CHARS);
    let mut known: Vec<&str> = whole.iter().map(String::as_str).chain(parts).collect();
    known.sort_unstable_by_key(|text| std::cmp::Reverse(text.len()));
    let rest = known.into_iter().fold(lower.clone(), |rest, text| rest.replace(text, ""));
    let left = rest.chars().filter(|c| c.is_alphabetic()).count();
    rest.len() < lower.len() && left < NAME_PART_MIN_CHARS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ann() -> Person {
        let (name, email) = ("Ann Kowalski".to_owned(), "kowalski@example.com".to_owned());
        Person { name: Some(name), email: Some(email), ..Person::default() }
    }

    #[track_caller]
    fn refused(password: &str, words: &str) {
        let error = check("password", password, &ann()).unwrap_err();
        assert!(error.message.contains(words), "{password}: {error}");
        assert!(!error.message.contains(password), "a password is repeated: {error}");
    }

    #[test]
    fn what_is_guessed_first_is_refused_however_it_is_dressed() {
        for password in [
            "password123",
            "Password2026!",
            "P@ssw0rd123",
            "1234567890",
            "0987654321",
            "qwertyuiop",
            "1q2w3e4r5t",
            "1qaz2wsx3edc",
            "aaaaaaaaaaaa",
            "1212121212",
            "iloveyou2024",
            "!!welcome!!1",
            "abcdefghijkl",
            "1234512345",
            "letmein12345",
            "Sunshine99!",
            "zxcvbnm12345",
            "administrator",
        ] {
            refused(password, "first that are guessed");
        }
    }

    #[test]
    fn a_password_is_not_what_everybody_knows_of_a_person() {
        for password in [
            "kowalski1984",
            "KOWALSKI-12345",
            "annkowalski12",
            "kowalski@example.com",
            "ann kowalski",
        ] {
            refused(password, "your name or your mail");
        }
        assert!(check("password", "kowalski met a purple yak", &ann()).is_ok());
    }

    #[test]
    fn a_length_that_does_not_fit_is_refused() {
        refused("short-pwd", "10 to 200");
        refused(&"long ".repeat(41), "10 to 200");
        refused("with a\nbreak in it", "control characters");
        assert!(check("password", &"ein satz ".repeat(22), &ann()).is_ok());
    }

    #[test]
    fn what_nobody_guesses_is_taken() {
        for password in
            ["correct horse battery", "Tr0ub4dor&3-x", "päßwörter sind lang", "𝕊ome 𝕥ext ok"]
        {
            assert_eq!(check("password", password, &ann()), Ok(()), "{password}");
        }
    }
}
