//! What holds for every page.

use super::samples::{Words, all};

/// The attributes of a tag, with their values where they have one.
type Attributes = Vec<(String, Option<String>)>;

/// Every opening tag of a page.
fn tags(html: &str) -> Vec<(String, Attributes)> {
    let opening = |piece: &str| piece.starts_with(|first: char| first.is_ascii_alphabetic());
    html.split('<').skip(1).filter(|piece| opening(piece)).map(tag).collect()
}

fn tag(piece: &str) -> (String, Attributes) {
    let inside = piece.split('>').next().unwrap();
    let (name, mut rest) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start_matches(|skip: char| skip.is_whitespace() || skip == '/');
        if rest.is_empty() {
            return (name.to_ascii_lowercase(), attributes);
        }
        let end = rest.find(|stop: char| stop.is_whitespace() || stop == '=').unwrap_or(rest.len());
        let attribute = rest[..end].to_ascii_lowercase();
        rest = &rest[end..];
        if let Some(quoted) = rest.strip_prefix("=\"") {
            let (value, after) = quoted.split_once('"').expect("every value ends with its quote");
            attributes.push((attribute, Some(value.to_owned())));
            rest = after;
        } else {
            assert!(!rest.starts_with('='), "an attribute without quotes in <{inside}>");
            attributes.push((attribute, None));
        }
    }
}

fn value<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|(known, _)| known == name)?;
    Some(found.1.as_deref().unwrap_or_default())
}

#[test]
fn no_page_carries_an_inline_script_style_or_handler() {
    for (page, html) in all(&Words::friendly()) {
        for (tag, attributes) in tags(&html) {
            assert_ne!(tag, "style", "{page}");
            assert!(tag != "script" || value(&attributes, "src").is_some(), "{page}");
            for (attribute, _) in &attributes {
                assert!(
                    attribute != "style" && !attribute.starts_with("on"),
                    "{page}: {attribute}"
                );
            }
        }
        assert!(!html.contains("javascript:"), "{page}");
    }
}

#[test]
fn words_of_strangers_make_no_markup_on_any_page() {
    let tags_of = |words: &Words| -> Vec<(&str, Vec<String>)> {
        let names = |html: &str| tags(html).into_iter().map(|(tag, _)| tag).collect();
        all(words).into_iter().map(|(page, html)| (page, names(&html))).collect()
    };
    let hostile = all(&Words::hostile());
    for (page, html) in &hostile {
        assert!(!html.contains("<script>"), "{page}");
        assert!(!html.contains("<img src=x"), "{page}");
    }
    assert!(hostile.iter().any(|(_, html)| html.contains("&#60;script&#62;")));
    // A hostile user agent is another device with another picture, so compare without pictures.
    let drawn = ["rect", "path", "circle"];
    for ((page, friendly), (_, hostile)) in
        tags_of(&Words::friendly()).into_iter().zip(tags_of(&Words::hostile()))
    {
        let plain = |tags: Vec<String>| -> Vec<String> {
            tags.into_iter().filter(|tag| !drawn.contains(&tag.as_str())).collect()
        };
        assert_eq!(plain(friendly), plain(hostile), "{page}");
    }
}

#[test]
fn every_form_that_changes_something_is_posted() {
    for (page, html) in all(&Words::friendly()) {
        for (_, form) in tags(&html).iter().filter(|(tag, _)| tag == "form") {
            let search = value(form, "role") == Some("search");
            let method = value(form, "method").unwrap_or_default();
            assert_eq!(method, if search { "get" } else { "post" }, "{page}");
            assert!(value(form, "action").unwrap().starts_with("/cloakroom/"), "{page}");
        }
    }
}

#[test]
fn every_field_has_a_label_and_says_what_completes_it() {
    for (page, html) in all(&Words::friendly()) {
        let tags = tags(&html);
        let labels: Vec<_> = tags.iter().filter(|(tag, _)| tag == "label").collect();
        for (tag, field) in tags.iter().filter(|(tag, _)| tag == "input" || tag == "select") {
            if value(field, "type") == Some("hidden") {
                continue;
            }
            let id = value(field, "id").unwrap();
            let named = labels.iter().any(|(_, label)| value(label, "for") == Some(id));
            assert!(named, "{page}: {id} has no label");
            let text = tag == "input" && value(field, "type") != Some("checkbox");
            assert!(!text || value(field, "autocomplete").is_some(), "{page}: {id}");
        }
    }
}

#[test]
fn every_description_and_anchor_leads_to_an_element_and_ids_are_unique() {
    for (page, html) in all(&Words::friendly()) {
        let tags = tags(&html);
        let mut ids: Vec<_> = tags.iter().filter_map(|(_, tag)| value(tag, "id")).collect();
        for (_, tag) in &tags {
            let described = value(tag, "aria-describedby").unwrap_or_default();
            let anchor = value(tag, "href").and_then(|href| href.strip_prefix('#'));
            for target in described.split(' ').filter(|id| !id.is_empty()).chain(anchor) {
                assert!(ids.contains(&target), "{page}: {target}");
            }
        }
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "{page}");
    }
}

#[test]
fn a_wrong_field_says_so_to_everyone() {
    let pages = all(&Words::friendly());
    let (_, html) = pages.iter().find(|(page, _)| *page == "setup-wrong").unwrap();
    let tags = tags(html);
    let (_, email) = tags.iter().find(|(_, tag)| value(tag, "name") == Some("email")).unwrap();
    assert_eq!(value(email, "aria-invalid"), Some("true"));
    assert_eq!(value(email, "aria-describedby"), Some("email-error"));
    assert_eq!(value(email, "value"), Some("al*"));
    assert!(html.contains("<title>Error: "));
}

#[test]
fn no_page_gives_a_password_or_a_code_back() {
    for (page, html) in all(&Words::friendly()) {
        for (_, field) in tags(&html).iter().filter(|(tag, _)| tag == "input") {
            let secret =
                value(field, "type") == Some("password") || value(field, "name") == Some("code");
            assert!(!secret || value(field, "value").is_none(), "{page}");
        }
    }
}

#[test]
fn every_page_of_a_person_who_is_signed_in_shows_the_way_out() {
    let stranger = |page: &str| {
        let starts = ["login", "logged-out", "setup", "password-link", "error"];
        starts.iter().any(|start| page.starts_with(start))
    };
    for (page, html) in all(&Words::friendly()) {
        let out = html.contains("action=\"/cloakroom/logout\"");
        assert_eq!(out, !stranger(page), "{page}");
    }
}

#[test]
fn every_page_has_one_main_heading_and_one_title() {
    for (page, html) in all(&Words::friendly()) {
        let count = |name: &str| tags(&html).iter().filter(|(tag, _)| tag == name).count();
        assert_eq!((count("h1"), count("title"), count("main")), (1, 1, 1), "{page}");
    }
}
