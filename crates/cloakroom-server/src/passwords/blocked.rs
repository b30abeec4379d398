//! What people choose most, so that guessing starts there. In lower case and sorted.

/// Common passwords, and words that are common passwords with digits or signs around them.
#[rustfmt::skip]
pub(super) static BLOCKED: &[&str] = &[
    "007007", "0987654321", "11112222", "112233", "11223344", "1122334455", "12121212",
    "123123123", "12341234", "1234qwer", "123654789", "123abc", "123qwe", "13131313", "147258369",
    "159753", "19841984", "1q2w3e", "1q2w3e4r", "1q2w3e4r5t", "1qaz2wsx", "1qaz2wsx3edc",
    "20202020", "31415926", "314159265", "69696969", "741852963", "789456123", "88888888",
    "987654321", "a1b2c3d4", "aaaaaaaa", "abc123", "abcabc", "abcd1234", "abcdef", "abcdefgh",
    "access", "account", "admin", "administrator", "alexander", "always", "amanda", "america",
    "andrew", "android", "angel", "anthony", "anything", "apple", "april", "arsenal", "asdf",
    "asdf1234", "asdfgh", "asdfghjk", "asdfghjkl", "ashley", "august", "autumn", "azerty", "baby",
    "babyboy", "babygirl", "banana", "barcelona", "baseball", "basketball", "batman", "bear",
    "berlin", "blahblah", "blessed", "blink", "bulldog", "butterfly", "candy", "change",
    "changeit", "changeme", "charlie", "cheese", "chelsea", "chocolate", "christ", "cloakroom",
    "cloakrooms", "coffee", "computer", "computer1", "contrasena", "cookie", "corvette", "cowboys",
    "daniel", "darling", "database", "debian", "december", "default", "demo", "dollar", "dolphin",
    "dragon", "eagle", "elizabeth", "eminem", "england", "everything", "example", "facebook",
    "falcon", "february", "ferrari", "flower", "flowers", "football", "forever", "fortnite",
    "freedom", "friday", "gandalf", "george", "ginger", "godzilla", "golf", "golfer", "goodbye",
    "google", "guest", "hacker", "hannah", "happy", "harley", "harrypotter", "heaven", "hello",
    "hellohello", "helloworld", "hobbit", "hockey", "honda", "honey", "horses", "hunter", "iloveu",
    "iloveyou", "instagram", "internet", "iphone", "ironman", "january", "jennifer", "jessica",
    "jesus", "jordan", "joshua", "july", "june", "juventus", "killer", "king", "kitten", "kitty",
    "knight", "lakers", "letmein", "letmein1", "liberty", "lightning", "linkedin", "linux", "lion",
    "liverpool", "lkjhgfdsa", "login", "london", "lovely", "loveme", "lover", "loveyou", "lucky",
    "manager", "manchester", "march", "maria", "master", "matrix", "matthew", "mercedes",
    "metallica", "michael", "michelle", "microsoft", "millionaire", "minecraft", "mnbvcxz",
    "monday", "money", "monkey", "moonlight", "moscow", "motdepasse", "mustang", "mylove", "mysql",
    "naruto", "ncc1701", "network", "nicole", "ninja", "nirvana", "nothing", "november", "october",
    "oracle", "orange", "p4ssw0rd", "panther", "paris", "parola", "passphrase", "passw0rd",
    "passwd", "password", "passwort", "pepper", "phoenix", "pikachu", "pirate", "poiuytrewq",
    "pokemon", "porsche", "postgres", "prince", "princess", "private", "puppy", "q1w2e3r4",
    "q1w2e3r4t5", "qazwsx", "qazwsxedc", "queen", "qwe123", "qweasd", "qweasdzxc", "qwer",
    "qwer1234", "qwert", "qwerty", "qwertyui", "qwertyuiop", "qwertz", "racing", "rainbow",
    "ranger", "realmadrid", "robert", "root", "salasana", "samantha", "sample", "samsung",
    "samurai", "saturday", "scorpion", "secret", "secure", "security", "senha", "september",
    "server", "shadow", "shark", "signin", "skywalker", "slipknot", "smile", "soccer", "soldier",
    "something", "spider", "spiderman", "spring", "startrek", "starwars", "steelers", "sugar",
    "summer", "sunday", "sunshine", "superman", "superuser", "sweetheart", "swimming", "sysadmin",
    "system", "temp", "temporary", "tennis", "test", "tester", "testing", "testtest", "thomas",
    "thunder", "thursday", "tiger", "toor", "topsecret", "toyota", "trustno", "trustno1",
    "tuesday", "turtle", "twitter", "ubuntu", "unicorn", "user", "username", "voldemort",
    "volleyball", "wachtwoord", "warrior", "website", "wednesday", "welcome", "welcomeback",
    "whatever", "william", "windows", "winter", "wizard", "wolf", "yamaha", "yankees", "youtube",
    "yuiop", "zaq12wsx", "zxcvbn", "zxcvbnm",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_in_lower_case() {
        assert!(BLOCKED.is_sorted_by(|one, next| one < next));
        assert!(BLOCKED.iter().all(|word| *word == word.to_lowercase()));
        assert!(BLOCKED.len() >= 200);
    }
}
