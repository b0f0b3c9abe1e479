//! The stored form of a record where its length is billed.

use serde_json::{Value, json};

use super::{MultipartProgress, Upload};
use crate::policy::Strategy;

/// Members of the record that contain what a client wrote. They are stored as they are.
const OF_CLIENTS: [&str; 3] = ["metadata", "labels", "hints"];

impl Upload {
    /// Returns the record as JSON without members that say nothing: those that are null, and those of an upload to
    /// which nothing unusual happened. Each of them has a default, so that a missing one is read as it was, also by
    /// earlier builds.
    ///
    /// # Errors
    /// The record cannot be written as JSON.
    pub fn to_short_json(&self) -> Result<String, serde_json::Error> {
        let mut record = serde_json::to_value(self)?;
        if let Value::Object(members) = &mut record {
            for (name, member) in members.iter_mut() {
                if !OF_CLIENTS.contains(&name.as_str()) {
                    drop_nulls(member);
                }
            }
            let usual = [
                ("deaths", json!(0)),
                ("look_failures", json!(0)),
                ("outputs", json!([])),
                ("removed_unseen", json!(false)),
            ];
            members.retain(|name, member| {
                let is_usual = |(usual, value): &(&str, Value)| usual == name && value == member;
                !member.is_null() && !usual.iter().any(is_usual)
            });
            // The default of a multipart upload may change, and must not change for those that were signed before.
            if self.strategy != Strategy::Multipart
                && self.multipart == MultipartProgress::default()
            {
                members.remove("in_parts");
            }
        }
        serde_json::to_string(&record)
    }
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
