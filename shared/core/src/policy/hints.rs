//! The hints of a request, joined with those of its category.

use consign_hints::Hints;

use super::category::{Category, Ingest};
use super::fields::Errors;
use super::types::FileType;

/// Returns the hints of the request, and those of the category for the rest. A file that is not read as a table has none.
/// Errors are added to those of the request.
pub(super) fn join(
    category: &Category,
    kind: &FileType,
    given: Option<&Hints>,
    errors: &Errors,
) -> Option<Hints> {
    let hints = given.cloned().unwrap_or_default();
    if category.ingest_of(&kind.ext) != Ingest::Tabular {
        if !hints.is_empty() {
            let detail = format!(
                "must be omitted: a .{} file of category `{}` is not read as a table",
                kind.ext, category.name
            );
            errors.add("hints", "invalid", detail);
        }
        return Some(Hints::default());
    }
    let joined = match kind.has_notation() {
        true => hints.over(&category.table.hints),
        false => hints.over(&category.table.hints.without_notation()),
    };
    joined
        .map_err(|bad| {
            let detail = format!("{}, together with the hints of the category", bad.what);
            errors.add(format!("hints.{}", bad.field), "invalid", detail);
        })
        .ok()
}
