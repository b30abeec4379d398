//! A place with a clock and a store, browsers, and an application for them to visit.

mod app;
mod browser;
pub(crate) mod kept;
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

        #[cfg(feature = "postgres")]
        mod postgres {
            $($crate::support::on_every_store!(one $test postgres $runtime);)*
        }

        #[cfg(feature = "redis")]
        mod redis {
            $($crate::support::on_every_store!(one $test redis $runtime);)*
        }

        #[cfg(feature = "redis")]
        mod valkey {
            $($crate::support::on_every_store!(one $test valkey $runtime);)*
        }

        #[cfg(all(feature = "redis", feature = "sqlite"))]
        mod redis_backed {
            $($crate::support::on_every_store!(one $test redis_backed $runtime);)*
        }

        #[cfg(all(feature = "redis", feature = "sqlite"))]
        mod valkey_backed {
            $($crate::support::on_every_store!(one $test valkey_backed $runtime);)*
        }
    };
    (one $test:ident $store:ident ($($runtime:tt)*)) => {
        #[tokio::test($($runtime)*)]
        async fn $test() {
            let fresh = $crate::support::kept::$store().await;
            if let Some(scene) = $crate::support::Scene::on(fresh) {
                super::$test(scene).await;
            }
        }
    };
    ($($test:ident),* $(,)?) => {
        $crate::support::on_every_store!(@(flavor = "current_thread") $($test)*);
    };
}
pub(crate) use on_every_store;
