//! What a bucket needs beside its objects: CORS, lifecycle and notification rules, each merged by its id into whatever rules
//! the bucket has. Rules of others are written back as they were read.

mod rules;
mod unknown_elements;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_bucket_lifecycle_configuration::GetBucketLifecycleConfigurationOutput;
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, CorsConfiguration, CorsRule, LifecycleRule,
    NotificationConfiguration,
};
use consign_core::ports::{Fault, FaultKind, ObjectStore as _};

use self::rules::{
    cors_rule, is_own_cors, is_own_queue, lifecycle_rule, merged, queue_rule, same_cors,
    same_lifecycle, same_queue, unbuilt,
};
use self::unknown_elements::UnknownElementDetector;
use crate::S3Store;
use crate::fault::{fault, status};

/// Whether to change the bucket or only to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Make what is missing.
    Make,
    /// Look, and change nothing.
    Check,
}

/// How a rule was found, or left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleState {
    /// It was there, as it should be.
    There,
    /// It was missing or another, was written, and was read back.
    Made,
    /// It is missing or another.
    Missing,
}

/// Why a rule cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The store has no such rules.
    #[error("the store does not have this")]
    Unsupported,
    /// The store takes such rules, and not this one.
    #[error("the store refused it: {code}: {message}")]
    Refused {
        /// The store's code.
        code: String,
        /// The store's words.
        message: String,
    },
    /// The bucket has rules of others with something that only this store knows: they cannot be written back whole.
    #[error(
        "the bucket has rules with `{word}`, which this program cannot write back: add ours by the store's own tool"
    )]
    Foreign {
        /// The first such thing.
        word: String,
    },
    /// The store did not answer, or did not let us.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A rule that removes what nobody needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleaning<'a> {
    /// Parts that were never completed, so many days after they were begun.
    Parts {
        /// The days.
        days: i32,
    },
    /// Objects under a prefix, so many days after they were written.
    Objects {
        /// Names the rule, after `consign-`.
        name: &'a str,
        /// The prefix; never empty.
        prefix: &'a str,
        /// The days.
        days: i32,
    },
}

/// A bucket to be set up.
#[derive(Debug, Clone)]
pub struct Bucket {
    store: S3Store,
    name: String,
}

impl S3Store {
    /// A bucket of this store, to be set up.
    #[must_use]
    pub fn bucket(&self, name: &str) -> Bucket {
        Bucket {
            store: self.clone(),
            name: name.to_owned(),
        }
    }
}

impl Bucket {
    fn client(&self) -> &Client {
        self.store.client()
    }

    /// The bucket itself.
    ///
    /// # Errors
    /// It can be neither reached nor made.
    pub async fn existence(&self, mode: Mode) -> Result<RuleState, SetupError> {
        match (self.store.check_bucket(&self.name).await, mode) {
            (Ok(()), _) => Ok(RuleState::There),
            (Err(fault), Mode::Check) if fault.kind == FaultKind::MissingResource => {
                Ok(RuleState::Missing)
            }
            (Err(fault), Mode::Make) if fault.kind == FaultKind::MissingResource => {
                self.store.ensure_bucket(&self.name).await?;
                Ok(RuleState::Made)
            }
            (Err(fault), _) => Err(fault.into()),
        }
    }

    /// Pages of these origins may upload and download.
    ///
    /// # Errors
    /// See [`SetupError`].
    pub async fn cors(&self, origins: &[String], mode: Mode) -> Result<RuleState, SetupError> {
        let ours = cors_rule(origins)?;
        let missing = merged(
            self.cors_rules().await?,
            vec![ours.clone()],
            is_own_cors,
            same_cors,
        );
        let Some(rules) = missing else {
            return Ok(RuleState::There);
        };
        if mode == Mode::Check {
            return Ok(RuleState::Missing);
        }
        let rules = CorsConfiguration::builder()
            .set_cors_rules(Some(rules))
            .build()
            .map_err(unbuilt)?;
        let put = self.client().put_bucket_cors().bucket(&self.name);
        put.cors_configuration(rules)
            .send()
            .await
            .map_err(|error| setup_error("put_cors", &error))?;
        kept(merged(
            self.cors_rules().await?,
            vec![ours],
            is_own_cors,
            same_cors,
        ))
    }

    async fn cors_rules(&self) -> Result<Vec<CorsRule>, SetupError> {
        match self
            .client()
            .get_bucket_cors()
            .bucket(&self.name)
            .send()
            .await
        {
            Ok(found) => Ok(found.cors_rules.unwrap_or_default()),
            Err(error) if is_none_yet(&error, "NoSuchCORSConfiguration") => Ok(Vec::new()),
            Err(error) => Err(setup_error("get_cors", &error)),
        }
    }

    /// What nobody needs is removed by the store itself.
    ///
    /// # Errors
    /// See [`SetupError`].
    pub async fn cleaning(&self, rule: Cleaning<'_>, mode: Mode) -> Result<RuleState, SetupError> {
        let ours = lifecycle_rule(rule)?;
        let is_own = |other: &LifecycleRule| other.id == ours.id;
        let (found, unknown) = self.lifecycle().await?;
        let missing = merged(
            found.rules.unwrap_or_default(),
            vec![ours.clone()],
            is_own,
            same_lifecycle,
        );
        let Some(rules) = missing else {
            return Ok(RuleState::There);
        };
        if mode == Mode::Check {
            return Ok(RuleState::Missing);
        }
        if let Some(word) = unknown {
            return Err(SetupError::Foreign { word });
        }
        let rules = BucketLifecycleConfiguration::builder()
            .set_rules(Some(rules))
            .build()
            .map_err(unbuilt)?;
        let put = self.client().put_bucket_lifecycle_configuration();
        put.bucket(&self.name)
            .lifecycle_configuration(rules)
            .set_transition_default_minimum_object_size(
                found.transition_default_minimum_object_size,
            )
            .send()
            .await
            .map_err(|error| setup_error("put_lifecycle", &error))?;
        let found = self.lifecycle().await?.0.rules.unwrap_or_default();
        kept(merged(found, vec![ours.clone()], is_own, same_lifecycle))
    }

    /// The rules, and a word in them that is lost when they are written back.
    async fn lifecycle(
        &self,
    ) -> Result<(GetBucketLifecycleConfigurationOutput, Option<String>), SetupError> {
        let get = self.client().get_bucket_lifecycle_configuration();
        let words = UnknownElementDetector::default();
        let call = get.bucket(&self.name).customize();
        match call.interceptor(words.clone()).send().await {
            Ok(found) => Ok((found, words.unknown())),
            Err(error) if is_none_yet(&error, "NoSuchLifecycleConfiguration") => Ok((
                GetBucketLifecycleConfigurationOutput::builder().build(),
                None,
            )),
            Err(error) => Err(setup_error("get_lifecycle", &error)),
        }
    }

    /// The store tells `queue_arn` of every object that comes or goes under these prefixes, and of no other.
    ///
    /// # Errors
    /// See [`SetupError`].
    pub async fn notifications(
        &self,
        queue_arn: &str,
        prefixes: &[&str],
        mode: Mode,
    ) -> Result<RuleState, SetupError> {
        let ours = prefixes
            .iter()
            .enumerate()
            .map(|(index, prefix)| queue_rule(queue_arn, prefix, index))
            .collect::<Result<Vec<_>, _>>()?;
        let mut found = self.notification_rules().await?;
        let queues = found.queue_configurations.take().unwrap_or_default();
        let Some(queues) = merged(queues, ours.clone(), is_own_queue, same_queue) else {
            return Ok(RuleState::There);
        };
        if mode == Mode::Check {
            return Ok(RuleState::Missing);
        }
        found.queue_configurations = Some(queues);
        let put = self.client().put_bucket_notification_configuration();
        put.bucket(&self.name)
            .notification_configuration(found)
            .send()
            .await
            .map_err(|error| setup_error("put_notifications", &error))?;
        let found = self.notification_rules().await?.queue_configurations;
        kept(merged(
            found.unwrap_or_default(),
            ours,
            is_own_queue,
            same_queue,
        ))
    }

    async fn notification_rules(&self) -> Result<NotificationConfiguration, SetupError> {
        let get = self.client().get_bucket_notification_configuration();
        let found = get.bucket(&self.name).send().await;
        let found = found.map_err(|error| setup_error("get_notifications", &error))?;
        Ok(NotificationConfiguration::builder()
            .set_topic_configurations(found.topic_configurations)
            .set_queue_configurations(found.queue_configurations)
            .set_lambda_function_configurations(found.lambda_function_configurations)
            .set_event_bridge_configuration(found.event_bridge_configuration)
            .build())
    }
}

/// What was written has to be there when it is read again.
fn kept<T>(missing: Option<Vec<T>>) -> Result<RuleState, SetupError> {
    match missing {
        None => Ok(RuleState::Made),
        Some(_) => Err(SetupError::Refused {
            code: "NotKept".to_owned(),
            message: "it was taken, and is not there when it is read again".to_owned(),
        }),
    }
}

fn is_none_yet<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>, code: &str) -> bool {
    status(error) == Some(404) && error.code() == Some(code)
}

fn setup_error<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> SetupError
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let code = error.code().unwrap_or_default();
    match status(error) {
        Some(405 | 501) => SetupError::Unsupported,
        _ if code == "NotImplemented" => SetupError::Unsupported,
        Some(400 | 409) => SetupError::Refused {
            code: code.to_owned(),
            message: error.message().unwrap_or_default().to_owned(),
        },
        _ => fault(operation, error).into(),
    }
}
