use super::value::Raw;

/// One setting of `T`.
pub(super) struct Setting<T: 'static> {
    /// Its key in the file, sections included.
    pub(super) key: &'static str,
    /// Its default, as a variable would write it.
    pub(super) default: &'static str,
    /// One sentence on what it does.
    pub(super) doc: &'static str,
    /// What is allowed.
    pub(super) allowed: fn() -> String,
    /// Reads a value into its field; the error says what is wrong.
    pub(super) set: fn(&mut T, &Raw) -> Result<(), String>,
    /// The field as TOML.
    pub(super) show: fn(&T) -> String,
}

macro_rules! setting {
    ($key:literal, $default:literal, $kind:expr, $($field:ident).+, $doc:literal) => {
        $crate::config::setting::Setting {
            key: $key,
            default: $default,
            doc: $doc,
            allowed: || $crate::config::kind::Kind::allowed(&$kind),
            set: |target, raw| {
                target.$($field).+ = $crate::config::kind::Kind::read(&$kind, raw)?;
                Ok(())
            },
            show: |target| $crate::config::kind::Kind::show(&$kind, &target.$($field).+),
        }
    };
}
pub(super) use setting;
