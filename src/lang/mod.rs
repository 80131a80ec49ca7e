//! The language's types, values and expressions, the schema's machinery, and typed readers over statements.
//!
//! Floor 2: knows no policy; each policy contributes its own forms.
//!
//! Two sides: `form`, `read`, `literal`, `types`, `typing` and `checker` are for the checker; `expr`, `value` and `eval` are
//! what is left of the language when a policy runs.

pub mod checker;
pub mod eval;
pub mod expr;
mod flag;
pub mod form;
pub mod kinds;
mod late;
pub mod literal;
pub mod missed;
mod parts;
pub mod read;
pub mod types;
pub mod typing;
pub mod usage;
pub mod value;

pub use checker::Checker;
pub use read::{Given, Node};
