//! How a change of data is written, for the document: the macros cannot say "either, or".

#![expect(dead_code, reason = "only the document is made from these types")]

use utoipa::ToSchema;
use utoipa::openapi::{ObjectBuilder, Schema, schema::Type};

/// 1 to 128 characters, none of them a control character.
#[derive(ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 128, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]{1,128}$")]
pub(super) struct DataKey(String);

/// One of the four ways to change a key.
#[derive(ToSchema)]
#[serde(untagged)]
pub(super) enum ChangeForms {
    Write(Write),
    Overwrite(Overwrite),
    Remove(Remove),
    RemoveAny(RemoveAny),
}

/// Write a value if the key still has the version that was read.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Write {
    key: DataKey,
    /// The new value: any JSON, kept exactly as it is written.
    #[schema(required)]
    value: serde_json::Value,
    /// The version the key must still have; 0 when it must be absent.
    #[schema(minimum = 0, maximum = 9223372036854775807_i64)]
    expect: u64,
}

/// Write a value whatever is there: what somebody else wrote since is lost on purpose.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Overwrite {
    key: DataKey,
    /// The new value: any JSON, kept exactly as it is written.
    #[schema(required)]
    value: serde_json::Value,
    #[schema(schema_with = yes)]
    overwrite: bool,
}

/// Remove a key if it still has the version that was read.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Remove {
    key: DataKey,
    #[schema(schema_with = yes)]
    remove: bool,
    /// The version the key must still have; 0 when it must be absent.
    #[schema(minimum = 0, maximum = 9223372036854775807_i64)]
    expect: u64,
}

/// Remove a key whatever is there.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RemoveAny {
    key: DataKey,
    #[schema(schema_with = yes)]
    remove: bool,
    #[schema(schema_with = yes)]
    overwrite: bool,
}

fn yes() -> Schema {
    ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([true])).build().into()
}
