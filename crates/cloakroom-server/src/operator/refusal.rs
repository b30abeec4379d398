use std::error::Error;

use cloakroom::{Chain, IdError, StoreError, UserError};

use super::Reply;
use crate::users::NameError;

/// Why an order was not carried out.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It is wrong, or something failed.
    Failed(String),
    /// What it names is not there.
    NotFound(String),
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Failed(message) => Self::Failed { message },
            Refusal::NotFound(message) => Self::NotFound { message },
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = %Chain(&error), "an operator's order failed");
        Self::Failed(with_causes(&error))
    }
}

impl From<NameError> for Refusal {
    fn from(error: NameError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<UserError> for Refusal {
    fn from(error: UserError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<IdError> for Refusal {
    fn from(error: IdError) -> Self {
        Self::Failed(error.to_string())
    }
}

fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
