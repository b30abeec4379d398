//! A place with a clock and a store, browsers, and an application for them to visit.

mod app;
mod browser;
mod probe;
mod scene;

pub(crate) use app::app;
pub(crate) use browser::{Browser, Reply};
pub(crate) use probe::{Fault, Probe};
pub(crate) use scene::Scene;

/// Runs each test once on every store.
macro_rules! on_every_store {
    ($($test:ident),* $(,)?) => {
        mod memory {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test($crate::support::Scene::memory()).await;
                }
            )*
        }

        #[cfg(feature = "sqlite")]
        mod sqlite {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test($crate::support::Scene::sqlite()).await;
                }
            )*
        }
    };
}
pub(crate) use on_every_store;
