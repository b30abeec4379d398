//! The static files, inside the binary.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// How an asset asked for with its right version may be cached: for a year, unconditionally.
pub const CACHE_VERSIONED: &str = "public, max-age=31536000, immutable";

/// How an asset asked for without a version, or with another one, may be cached.
pub const CACHE_PLAIN: &str = "no-cache";

/// One static file.
#[derive(Debug)]
pub struct Asset {
    /// Its name under `static/`.
    pub name: &'static str,
    /// The value of its `Content-Type` header.
    pub content_type: &'static str,
    /// Its bytes.
    pub body: &'static [u8],
    /// The start of its SHA-256 in hexadecimal: the `v` of its address, and its `ETag` in quotes.
    pub version: String,
}

static ASSETS: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    [
        embedded("app.css", "text/css; charset=utf-8", include_bytes!("static/app.css")),
        embedded("app.js", "text/javascript; charset=utf-8", include_bytes!("static/app.js")),
        embedded("logo.svg", "image/svg+xml", include_bytes!("static/logo.svg")),
    ]
});

fn embedded(name: &'static str, content_type: &'static str, body: &'static [u8]) -> Asset {
    Asset { name, content_type, body, version: version_of(body) }
}

fn version_of(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The file of that name under `static/`, if there is one.
pub fn asset(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

/// The address of a static file, with its version, so that a new build is fetched at once.
pub fn asset_url(prefix: &str, name: &str) -> String {
    let version = asset(name).map_or("", |asset| &asset.version);
    format!("{prefix}static/{name}?v={version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_is_found_by_its_exact_name_only() {
        assert_eq!(asset("app.css").unwrap().content_type, "text/css; charset=utf-8");
        assert!(asset("../app.css").is_none());
        assert!(asset("").is_none());
    }

    #[test]
    fn an_address_carries_the_version_of_the_content() {
        let version = &asset("app.js").unwrap().version;
        assert_eq!(version.len(), 16);
        assert_eq!(asset_url("/x/", "app.js"), format!("/x/static/app.js?v={version}"));
    }

    #[test]
    fn other_content_has_another_version() {
        assert_ne!(version_of(b"one"), version_of(b"two"));
    }
}
