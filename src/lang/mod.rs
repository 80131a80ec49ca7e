//! The language's types, values and expressions, the schema's machinery, and typed readers over statements.
//!
//! Floor 2: knows no policy; each policy contributes its own forms.

pub mod eval;
pub mod expr;
pub mod value;
