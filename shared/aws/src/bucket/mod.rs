//! Sets up a bucket: CORS, lifecycle and notification rules. Each rule is merged by its id into the rules of the
//! bucket. Rules of others are written back unchanged.

mod rules;
mod setup;
mod unknown_elements;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_bucket_lifecycle_configuration::GetBucketLifecycleConfigurationOutput;
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, CorsConfiguration, CorsRule, LifecycleRule,
    NotificationConfiguration,
};
use consign_core::ports::{FaultKind, ObjectStore as _};

use self::rules::{
    cors_rule, is_own_cors, is_own_queue, lifecycle_rule, merged, queue_rule, same_cors,
    same_lifecycle, same_queue, unbuilt,
};
pub use self::setup::{Cleaning, Mode, RuleState, SetupError};
use self::unknown_elements::UnknownElementDetector;
use crate::S3Store;
use crate::fault::{fault, status};

/// A bucket to set up.
#[derive(Debug, Clone)]
pub struct Bucket {
    store: S3Store,
    name: String,
}

impl S3Store {
    /// Returns a bucket of this store.
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

    /// Ensures that the bucket exists.
    ///
    /// # Errors
    /// The bucket can be neither reached nor created.
    pub async fn existence(&self, mode: Mode) -> Result<RuleState, SetupError> {
        match (self.store.check_bucket(&self.name).await, mode) {
            (Ok(()), _) => Ok(RuleState::Present),
            (Err(fault), Mode::Check) if fault.kind == FaultKind::MissingResource => {
                Ok(RuleState::Missing)
            }
            (Err(fault), Mode::Make) if fault.kind == FaultKind::MissingResource => {
                self.store.ensure_bucket(&self.name).await?;
                Ok(RuleState::Created)
            }
            (Err(fault), _) => Err(fault.into()),
        }
    }

    /// Ensures that pages of these origins may upload and download.
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
            return Ok(RuleState::Present);
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

    /// Ensures that the store removes what is no longer needed.
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
            return Ok(RuleState::Present);
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

    /// Returns the rules, and an element in them that would be lost on writing them back.
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

    /// Ensures that the store notifies `queue_arn` of every created or removed object under these prefixes, and of no
    /// other.
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
            return Ok(RuleState::Present);
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

/// Checks that a written rule is present when it is read back.
fn kept<T>(missing: Option<Vec<T>>) -> Result<RuleState, SetupError> {
    match missing {
        None => Ok(RuleState::Created),
        Some(_) => Err(SetupError::Refused {
            code: "NotKept".to_owned(),
            message: "the store accepted the rule, but does not return it".to_owned(),
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
