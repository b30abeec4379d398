//! Addresses of searched, paged lists.

/// Where a reader stands in a list that is read page by page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paging {
    /// The cursor this page starts after; none on the first page.
    pub after: Option<String>,
    /// The cursor of the next page, when there is one.
    pub next: Option<String>,
}

impl Paging {
    /// The address of the next page of the same search.
    pub(super) fn next_href(&self, path: &str, search: &str) -> Option<String> {
        let next = self.next.as_deref()?;
        Some(format!("{path}?{}", parameters(search, Some(next))))
    }

    /// The address of the first page, unless this is it.
    pub(super) fn first_href(&self, path: &str, search: &str) -> Option<String> {
        self.after.as_ref()?;
        let query = parameters(search, None);
        Some(if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") })
    }
}

fn parameters(search: &str, after: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if !search.is_empty() {
        query.append_pair("q", search);
    }
    if let Some(after) = after {
        query.append_pair("after", after);
    }
    query.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_keeps_the_search_and_encodes_it() {
        let paging = Paging { after: None, next: Some("c=1".to_owned()) };
        let href = paging.next_href("/x/admin", "a&b*").unwrap();
        assert_eq!(href, "/x/admin?q=a%26b*&after=c%3D1");
        assert_eq!(paging.first_href("/x/admin", ""), None);
    }

    #[test]
    fn a_later_page_links_back_to_the_first() {
        let paging = Paging { after: Some("c".to_owned()), next: None };
        assert_eq!(paging.first_href("/x/admin", "").unwrap(), "/x/admin");
        assert_eq!(paging.first_href("/x/admin", "al*").unwrap(), "/x/admin?q=al*");
        assert_eq!(paging.next_href("/x/admin", ""), None);
    }
}
