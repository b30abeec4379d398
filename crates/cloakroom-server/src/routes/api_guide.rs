use std::sync::LazyLock;

use axum::extract::State;
use axum::response::Html;
use cloakroom::Session;

use super::{layout, render, v1};
use crate::app::SharedApp;
use crate::identity::identify;
use crate::middleware::PageError;
use crate::ui::api::{ApiPage, Guide};
use crate::ui::layout::Viewer;
use crate::users::Role;

/// For everybody: it says nothing that the document does not.
pub(super) async fn show(
    State(app): State<SharedApp>,
    session: Session,
) -> Result<Html<String>, PageError> {
    static GUIDE: LazyLock<Guide> =
        LazyLock::new(|| Guide::of(&serde_json::from_str(v1::document()).unwrap_or_default()));
    let mut frame = layout(&app);
    // Who cannot be told who they are still reads it.
    if let Ok(Some(identity)) = identify(&app, &session).await {
        let (name, role) = (identity.user.display_name, identity.user.role);
        frame = frame.seen_by(Viewer { name, is_admin: role == Role::Admin });
    }
    render(&ApiPage { layout: frame, guide: GUIDE.clone() })
}
