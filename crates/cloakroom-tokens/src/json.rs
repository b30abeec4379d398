use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use zeroize::{Zeroize, Zeroizing};

/// Why a text is not the JSON that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonFault {
    /// It has more bytes than allowed.
    #[error("larger than allowed")]
    TooLarge,
    /// It nests more deeply than allowed.
    #[error("nested more deeply than allowed")]
    TooDeep,
    /// A member stands twice in one object, at any depth.
    #[error("ambiguous: a member stands twice in one object")]
    Duplicate,
    /// It is not one JSON value in UTF-8, or not an object where one is asked for.
    #[error("not the JSON that is asked for")]
    Malformed,
}

/// How much is read of hostile JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) bytes: usize,
    /// Of objects and arrays within each other; 1 allows an object of plain values.
    pub(crate) depth: u32,
}

/// Room for any key from the start, so that no part of one stays in a buffer outgrown.
const MOST_SECRET_BYTES: usize = 16 * 1024;

/// Reads one value of any type and nothing after it.
pub(crate) fn parse(text: &[u8], limits: Limits) -> Result<Value, JsonFault> {
    if text.len() > limits.bytes {
        return Err(JsonFault::TooLarge);
    }
    let text = std::str::from_utf8(text).map_err(|_| JsonFault::Malformed)?;
    let fault = Cell::new(JsonFault::Malformed);
    let strict = Strict { depth: limits.depth, fault: &fault };
    let mut input = serde_json::Deserializer::from_str(text);
    let value = strict.deserialize(&mut input).map_err(|_| fault.get())?;
    input.end().map_err(|_| JsonFault::Malformed)?;
    Ok(value)
}

/// The members of a JSON object, read strictly. Those that are texts are erased when dropped.
pub(crate) struct Members(Map<String, Value>);

/// A member is not there, or of another type than asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemberFault {
    Missing,
    Wrong,
}

impl Members {
    /// Reads one object and nothing after it.
    pub(crate) fn parse(text: &[u8], limits: Limits) -> Result<Self, JsonFault> {
        Self::of(parse(text, limits)?).ok_or(JsonFault::Malformed)
    }

    pub(crate) fn new(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// Of a value that is an object.
    pub(crate) fn of(value: Value) -> Option<Self> {
        if let Value::Object(members) = value { Some(Self(members)) } else { None }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A member that is text. `null` is no text.
    pub(crate) fn text(&self, name: &str) -> Result<&str, MemberFault> {
        self.value(name)?.as_str().ok_or(MemberFault::Wrong)
    }

    /// A member that is a number without fraction or exponent and fits.
    pub(crate) fn integer(&self, name: &str) -> Result<i64, MemberFault> {
        self.value(name)?.as_i64().ok_or(MemberFault::Wrong)
    }

    /// As [`Members::integer`], not negative.
    pub(crate) fn natural(&self, name: &str) -> Result<u64, MemberFault> {
        self.value(name)?.as_u64().ok_or(MemberFault::Wrong)
    }

    pub(crate) fn texts(&self, name: &str) -> Result<Vec<&str>, MemberFault> {
        let list = self.value(name)?.as_array().ok_or(MemberFault::Wrong)?;
        list.iter().map(|it| it.as_str().ok_or(MemberFault::Wrong)).collect()
    }

    pub(crate) fn value(&self, name: &str) -> Result<&Value, MemberFault> {
        self.0.get(name).ok_or(MemberFault::Missing)
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// The object as text, erased when dropped.
    pub(crate) fn to_secret_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(Vec::with_capacity(MOST_SECRET_BYTES));
        let written = serde_json::to_writer(&mut *text, &self.0);
        written.expect("an object of texts can be written to memory");
        let text = std::mem::take(&mut *text);
        Zeroizing::new(String::from_utf8(text).expect("JSON is UTF-8"))
    }

    pub(crate) fn into_map(mut self) -> Map<String, Value> {
        std::mem::take(&mut self.0)
    }
}

/// Makes a member that may be absent optional; one of a wrong type stays a fault.
pub(crate) fn optional<T>(read: Result<T, MemberFault>) -> Result<Option<T>, MemberFault> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(MemberFault::Missing) => Ok(None),
        Err(fault) => Err(fault),
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        for value in self.0.values_mut() {
            if let Value::String(text) = value {
                text.zeroize();
            }
        }
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Members")
    }
}

/// Reads any value, but no member twice, which `serde_json::Value` would.
#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: u32,
    fault: &'a Cell<JsonFault>,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| self.refuse(JsonFault::TooDeep))?;
        Ok(Self { depth, ..self })
    }

    fn refuse<E: serde::de::Error>(self, fault: JsonFault) -> E {
        self.fault.set(fault);
        E::custom(fault)
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Value, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not finite"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut input: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        while let Some(value) = input.next_element_seed(inner)? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut input: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut members = Map::new();
        while let Some(name) = input.next_key::<String>()? {
            if members.contains_key(&name) {
                return Err(self.refuse(JsonFault::Duplicate));
            }
            let value = input.next_value_seed(inner)?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> JsonFault {
        Members::parse(text.as_bytes(), Limits { bytes: 200, depth: 3 }).unwrap_err()
    }

    #[test]
    fn a_member_that_stands_twice_is_refused_at_any_depth() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":{"a":1,"b":2,"a":3}}"#,
            r#"{"x":[{"a":1,"a":3}]}"#,
        ] {
            assert_eq!(fault(text), JsonFault::Duplicate, "{text}");
        }
    }

    #[test]
    fn size_and_depth_are_bounded() {
        assert_eq!(fault(&" ".repeat(201)), JsonFault::TooLarge);
        assert_eq!(fault(r#"{"a":[[[1]]]}"#), JsonFault::TooDeep);
        assert!(Members::parse(b"{\"a\":[[1]]}", Limits { bytes: 200, depth: 3 }).is_ok());
        let deep = "[".repeat(100_000);
        let limits = Limits { bytes: usize::MAX, depth: 3 };
        assert_eq!(Members::parse(deep.as_bytes(), limits).unwrap_err(), JsonFault::TooDeep);
    }

    #[test]
    fn what_is_not_one_object_is_refused() {
        for text in
            ["", "1", "[]", "{} {}", "{}x", "{'a':1}", "{\"a\":1,}", "\u{feff}{}", "{\"a\":NaN}"]
        {
            assert_eq!(fault(text), JsonFault::Malformed, "{text}");
        }
        let limits = Limits { bytes: 200, depth: 3 };
        for bytes in [&b"{\"a\":\"\xff\"}"[..], b"{\"a\":\"\\ud800\"}", b"{\"a\":1e999}"] {
            assert_eq!(Members::parse(bytes, limits).unwrap_err(), JsonFault::Malformed);
        }
    }

    #[test]
    fn numbers_with_a_fraction_or_an_exponent_are_no_integers() {
        let text = br#"{"a":1.0,"b":1e3,"c":"1","d":null,"e":-1,"f":18446744073709551616}"#;
        let members = Members::parse(text, Limits { bytes: 200, depth: 3 }).unwrap();
        for name in ["a", "b", "c", "d", "f"] {
            assert_eq!(members.integer(name), Err(MemberFault::Wrong), "{name}");
        }
        assert_eq!(members.integer("e"), Ok(-1));
        assert_eq!(members.natural("e"), Err(MemberFault::Wrong));
        assert_eq!(members.integer("z"), Err(MemberFault::Missing));
        assert_eq!(format!("{members:?}"), "Members");
    }
}
