//! The page about `/v1`, made from its OpenAPI document.

use askama::Template;
use serde_json::Value;

use super::layout::Layout;

/// Most levels of members that are shown.
const MOST_LEVELS: usize = 4;

/// The page about `/v1`.
#[derive(Debug, Template)]
#[template(path = "api.html")]
pub struct ApiPage {
    /// The frame.
    pub layout: Layout,
    /// The document.
    pub guide: Guide,
}

/// What the document says, for people.
#[derive(Clone, Debug)]
pub struct Guide {
    paragraphs: Vec<String>,
    topics: Vec<Topic>,
}

#[derive(Clone, Debug)]
struct Topic {
    about: String,
    calls: Vec<Call>,
}

#[derive(Clone, Debug)]
struct Call {
    anchor: String,
    method: String,
    path: String,
    summary: String,
    about: Vec<String>,
    scope: String,
    takes: Vec<Member>,
    gives: Vec<Member>,
    answers: Vec<(String, String)>,
}

impl Call {
    /// The first sentence of what it does.
    fn heading(&self) -> &str {
        self.summary.split(['.', ':', ',']).next().unwrap_or(&self.summary)
    }
}

/// A parameter, or a member of a body.
#[derive(Clone, Debug)]
struct Member {
    name: String,
    kind: String,
    needed: bool,
    about: String,
}

impl Guide {
    /// What an OpenAPI document says; what is missing in it is left out.
    pub fn of(document: &Value) -> Self {
        let topics = list(&document["tags"]).iter().map(|tag| Topic {
            about: text(&tag["description"]),
            calls: calls(document, &text(&tag["name"])),
        });
        Self { paragraphs: paragraphs(&document["info"]["description"]), topics: topics.collect() }
    }
}

fn calls(document: &Value, topic: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            if list(&operation["tags"]).iter().any(|tag| tag == topic) {
                calls.push(call(document, path, method, operation));
            }
        }
    }
    calls
}

fn call(document: &Value, path: &str, method: &str, operation: &Value) -> Call {
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    let mut takes: Vec<Member> = list(&operation["parameters"]).iter().map(parameter).collect();
    members(document, body, "", MOST_LEVELS, &mut takes);
    let (mut gives, mut answers) = (Vec::new(), Vec::new());
    for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
        if status.starts_with('2') {
            let schema = &answer["content"]["application/json"]["schema"];
            members(document, schema, "", MOST_LEVELS, &mut gives);
        }
        answers.push((status.clone(), text(&answer["description"])));
    }
    Call {
        anchor: text(&operation["operationId"]),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(&operation["summary"]),
        about: paragraphs(&operation["description"]),
        scope: scope(operation),
        takes,
        gives,
        answers,
    }
}

fn scope(operation: &Value) -> String {
    match list(&operation["security"]).first() {
        None => "no key".to_owned(),
        Some(security) => match list(&security["api_key"]).first() {
            Some(scope) => format!("scope {}", text(scope)),
            None => "any key".to_owned(),
        },
    }
}

fn parameter(parameter: &Value) -> Member {
    Member {
        name: text(&parameter["name"]),
        kind: format!("{}, {}", text(&parameter["in"]), kind(&parameter["schema"])),
        needed: parameter["required"] == true,
        about: text(&parameter["description"]),
    }
}

/// The members of an object and of what is in it, by dotted names.
fn members(document: &Value, schema: &Value, within: &str, levels: usize, found: &mut Vec<Member>) {
    if levels == 0 {
        return;
    }
    let (schema, _) = resolved(document, schema);
    for form in list(&schema["oneOf"]).iter().chain(list(&schema["anyOf"])) {
        members(document, form, within, levels, found);
    }
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        let name = format!("{within}{name}");
        if found.iter().any(|known| known.name == name) {
            continue;
        }
        let (inner, about) = resolved(document, member);
        found.push(Member {
            kind: kind(inner),
            needed: is_needed(schema, &name[within.len()..]),
            about,
            name: name.clone(),
        });
        members(document, inner, &format!("{name}."), levels - 1, found);
        members(document, &inner["items"], &format!("{name}[]."), levels - 1, found);
        let more = &inner["additionalProperties"];
        members(document, more, &format!("{name}.*."), levels - 1, found);
    }
}

fn is_needed(schema: &Value, name: &str) -> bool {
    list(&schema["required"]).iter().any(|needed| needed == name)
}

/// What a reference leads to, and what is said about it: nearest first.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> (&'a Value, String) {
    let (mut schema, mut about) = (schema, text(&schema["description"]));
    // A chain of references in a document of our own is short.
    for _ in 0..8 {
        let forms = list(&schema["oneOf"]);
        let next = match schema["$ref"].as_str() {
            Some(target) => document.pointer(target.trim_start_matches('#')),
            None => forms
                .iter()
                .find(|form| forms.len() == 2 && forms.contains(&null()) && **form != null()),
        };
        let Some(next) = next else { break };
        schema = next;
        if about.is_empty() {
            about = text(&schema["description"]);
        }
    }
    (schema, about)
}

fn null() -> Value {
    serde_json::json!({"type": "null"})
}

/// "text, 1 to 128", "whole number", "list".
fn kind(schema: &Value) -> String {
    let types = match &schema["type"] {
        Value::Array(types) => types.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    let words: Vec<String> = types.iter().map(|word| word_for(word, schema)).collect();
    let mut kind = if words.is_empty() { "any JSON".to_owned() } else { words.join(" or ") };
    let choices: Vec<String> = list(&schema["enum"]).iter().map(ToString::to_string).collect();
    if !choices.is_empty() {
        return choices.join(" or ");
    }
    let bounds = [("minLength", "maxLength"), ("minItems", "maxItems"), ("minimum", "maximum")];
    for (least, most) in bounds {
        match (schema[least].as_u64(), schema[most].as_u64()) {
            (Some(least), Some(most)) if most < i64::MAX as u64 => {
                kind.push_str(&format!(", {least} to {most}"));
            }
            (None, Some(most)) => kind.push_str(&format!(", at most {most}")),
            _ => {}
        }
    }
    kind
}

fn word_for(word: &Value, schema: &Value) -> String {
    match (word.as_str().unwrap_or_default(), schema["format"].as_str()) {
        ("string", Some("date-time")) => "moment".to_owned(),
        ("string", Some("uuid")) => "UUID".to_owned(),
        ("string", _) => "text".to_owned(),
        ("integer", _) => "whole number".to_owned(),
        ("boolean", _) => "true or false".to_owned(),
        ("array", _) => "list".to_owned(),
        (other, _) => other.to_owned(),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    plain(value.as_str().unwrap_or_default())
}

/// The document is Markdown, of which it uses line breaks and backticks.
fn plain(text: &str) -> String {
    text.replace('\n', " ").replace('`', "")
}

fn paragraphs(value: &Value) -> Vec<String> {
    let text = value.as_str().unwrap_or_default();
    text.split("\n\n").filter(|part| !part.is_empty()).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guide() -> Guide {
        Guide::of(&serde_json::from_str(crate::routes::v1::document()).unwrap())
    }

    fn find(guide: &Guide, anchor: &str) -> Call {
        let calls = guide.topics.iter().flat_map(|topic| &topic.calls);
        calls.clone().find(|call| call.anchor == anchor).unwrap().clone()
    }

    #[test]
    fn every_call_of_the_document_is_on_the_page_once() {
        let guide = guide();
        let anchors: Vec<&str> = guide
            .topics
            .iter()
            .flat_map(|topic| &topic.calls)
            .map(|it| it.anchor.as_str())
            .collect();
        let distinct: std::collections::BTreeSet<_> = anchors.iter().collect();
        assert_eq!((anchors.len(), distinct.len()), (26, 26));
    }

    #[test]
    fn members_are_told_with_their_place_kind_and_meaning() {
        let create = find(&guide(), "create_session");
        let member = |name: &str| create.takes.iter().find(|it| it.name == name).unwrap().clone();
        assert_eq!(member("user.id").kind, "text, 1 to 128");
        assert!(member("user.id").needed && !member("remember").needed);
        assert!(member("client.address").about.contains("IP address"));
        assert!(create.gives.iter().any(|it| it.name == "session.user.groups"));
        assert_eq!(create.scope, "scope sessions:write");
        let change = find(&guide(), "change_data");
        assert!(change.takes.iter().any(|it| it.name == "changes[].expect"), "{:?}", change.takes);
    }
}
