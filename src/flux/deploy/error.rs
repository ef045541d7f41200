//! Why a deployment does not go on.

use crate::catalog::generate::CatalogError;
use crate::catalog::lookup;
use crate::operate::FluxError;
use crate::repos::RepoError;
use rwenv_gate::base::files::FileError;
use rwenv_gate::facts::content::ContentError;

/// Why a deployment does not go on.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// No such service.
    #[error(
        "{} rwenv services list shows them; rwenv repo sync fetches what is new",
        lookup::unknown_service(.name, .near)
    )]
    Unknown {
        /// What was asked for.
        name: String,
        /// Names that are nearly it.
        near: Vec<String>,
    },
    /// Several.
    #[error("'{name}' matches several services: {}; name one of them", .all.join(", "))]
    Several {
        /// What was asked for.
        name: String,
        /// The names that tell them apart.
        all: Vec<String>,
    },
    /// The place is not one that is edited.
    #[error("{file}:{line}: {why}")]
    Place {
        /// The file.
        file: String,
        /// The line.
        line: u32,
        /// Why not.
        why: String,
    },
    /// The wish is none that can be fulfilled.
    #[error("{0}")]
    Wish(String),
    /// The checks of the content say no.
    #[error("the change is not committed because it would add these problems:\n{}", .0.join("\n"))]
    Lint(Vec<String>),
    /// The cluster says no.
    #[error(
        "the change is not committed because the cluster would refuse {object}:\n  {why}\nset a value that the kind has"
    )]
    Invalid {
        /// The object.
        object: String,
        /// What the server said to a dry run.
        why: String,
    },
    /// The policy says no.
    #[error("{0}")]
    Refused(String),
    /// The forge says no.
    #[error("{0}")]
    Forge(String),
    /// A run that is not finished.
    #[error(
        "the deployment {id} was interrupted {at}; rwenv deploy --continue finishes it, rwenv deploy --abort undoes it"
    )]
    Unfinished {
        /// Its identifier.
        id: String,
        /// Where it stands.
        at: String,
    },
    /// There is none to go on with.
    #[error("{0}")]
    None(String),
    /// What is applied is not what was deployed.
    #[error(
        "{object} has applied {revision}, which does not contain the change yet; rwenv deploy --continue {id} checks again"
    )]
    Behind {
        /// The object.
        object: String,
        /// What it has applied.
        revision: String,
        /// The deployment.
        id: String,
    },
    /// From the catalog.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// From content.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// From repositories.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// From the cluster.
    #[error(transparent)]
    Flux(#[from] FluxError),
    /// From files.
    #[error(transparent)]
    File(#[from] FileError),
}

impl DeployError {
    /// True where what is wanted cannot be: trying again would not help.
    #[must_use]
    pub fn is_wish(&self) -> bool {
        matches!(
            self,
            Self::Unknown { .. }
                | Self::Several { .. }
                | Self::Place { .. }
                | Self::Wish(_)
                | Self::Lint(_)
                | Self::Invalid { .. }
        )
    }
}
