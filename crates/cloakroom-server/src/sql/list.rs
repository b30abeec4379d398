/// The parameters from number `first` on, so many of them, as they stand in `IN (…)`.
pub fn parameters(first: usize, count: usize) -> String {
    let numbered: Vec<String> = (first..first + count).map(|number| format!("?{number}")).collect();
    numbered.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_from_the_first() {
        assert_eq!(parameters(3, 3), "?3, ?4, ?5");
        assert_eq!(parameters(1, 0), "");
    }
}
