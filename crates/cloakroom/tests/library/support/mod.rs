//! A place with a clock and a store, browsers, and an application for them to visit.

mod app;
mod browser;
mod probe;
mod scene;

pub(crate) use app::app;
pub(crate) use browser::{Browser, Reply};
pub(crate) use probe::{Fault, Probe};
pub(crate) use scene::{KEY, Scene, opened};

/// Runs each test once on every store: on one thread, or on `threads` with the runtime's help.
macro_rules! on_every_store {
    (threads: $($test:ident),* $(,)?) => {
        $crate::support::on_every_store!(@(flavor = "multi_thread", worker_threads = 4) $($test)*);
    };
    (@$runtime:tt $($test:ident)*) => {
        mod memory {
            $($crate::support::on_every_store!(one $test memory $runtime);)*
        }

        #[cfg(feature = "sqlite")]
        mod sqlite {
            $($crate::support::on_every_store!(one $test sqlite $runtime);)*
        }
    };
    (one $test:ident $store:ident ($($runtime:tt)*)) => {
        #[tokio::test($($runtime)*)]
        async fn $test() {
            super::$test($crate::support::Scene::$store().await).await;
        }
    };
    ($($test:ident),* $(,)?) => {
        $crate::support::on_every_store!(@(flavor = "current_thread") $($test)*);
    };
}
pub(crate) use on_every_store;
