//! One presigned PUT, by consign and by its peers, and the SHA-256 blocks that no signer can do without.
//!
//! Contenders take turns, and of each the fastest round counts: what other processes do makes rounds slower, never faster.

use aws_credential_types::Credentials as AwsCredentials;
use aws_sdk_s3::config::{BehaviorVersion, Region, RequestChecksumCalculation};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
    SigningParams, SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use consign_core::sigv4::{Addressing, Credentials, Operation, Request, Signer, SignerConfig};
use consign_core::time::{self, Timestamp};
use rusty_s3::{Bucket, S3Action, UrlStyle};
use sha2::block_api::compress256;
use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const REGION: &str = "eu-west-1";
const BUCKET: &str = "consign-uploads-production";
const KEY: &str = "datasets/org_7Q4/0192f0c1-7a3e-7c44-9d52-6f1b2a3c4d5e/v1.csv";
const HOST: &str = "consign-uploads-production.s3.eu-west-1.amazonaws.com";
const CONTENT_TYPE: &str = "text/csv";
const CONTENT_LENGTH: &str = "73400320";
const EXPIRES_S: u32 = 900;
/// Bytes of the URL that all contenders write.
const URL_BYTES: usize = 420;

/// Seconds, all of the same day, that the calls with a second of their own go through.
const SECONDS: u64 = 3600;
const ROUNDS: usize = 400;
/// How long a contender's turn lasts, about.
const TURN: Duration = Duration::from_micros(500);

/// The targets that this project set itself.
const BLOCKS_RATIO_MAX: f64 = 1.5;
const RUSTY_S3_RATIO_MIN: f64 = 7.0;

struct Contender<'a> {
    name: &'static str,
    run: Box<dyn FnMut() -> usize + 'a>,
    turn_calls: u32,
    best_ns: f64,
}

impl<'a> Contender<'a> {
    fn new(name: &'static str, run: impl FnMut() -> usize + 'a) -> Self {
        Self {
            name,
            run: Box::new(run),
            turn_calls: 1,
            best_ns: f64::INFINITY,
        }
    }

    fn take_turn(&mut self, calls: u32) -> Duration {
        #[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
        let start = Instant::now();
        for _ in 0..calls {
            black_box((self.run)());
        }
        start.elapsed()
    }

    /// Finds how many calls make a turn.
    fn warm_up(&mut self) {
        while self.take_turn(self.turn_calls) < TURN {
            self.turn_calls *= 2;
        }
    }

    fn measure(&mut self) {
        let ns = self.take_turn(self.turn_calls).as_nanos() as f64 / f64::from(self.turn_calls);
        self.best_ns = self.best_ns.min(ns);
    }
}

/// consign: what the day and the second share is made by the first call.
fn consign() -> impl Fn(&str, Timestamp) -> String {
    let signer = Signer::new(SignerConfig {
        endpoint: None,
        region: REGION,
        addressing: Addressing::Virtual,
        credentials: Credentials {
            access_key: ACCESS_KEY.to_owned(),
            secret_key: SECRET_KEY.into(),
            session_token: None,
            expires_at: None,
        },
    })
    .expect("a signer");
    move |key, now| {
        let request = Request {
            operation: Operation::PutObject,
            bucket: BUCKET,
            key,
            headers: &[
                ("content-type", CONTENT_TYPE),
                ("content-length", CONTENT_LENGTH),
            ],
            query: &[],
            expires_s: EXPIRES_S,
        };
        signer.presign(black_box(&request), now).expect("a URL")
    }
}

fn rusty_s3(now: Timestamp) -> impl Fn(&str) -> String {
    let endpoint = "https://s3.eu-west-1.amazonaws.com".parse().expect("a URL");
    let bucket = Bucket::new(endpoint, UrlStyle::VirtualHost, BUCKET, REGION).expect("a bucket");
    let credentials = rusty_s3::Credentials::new(ACCESS_KEY, SECRET_KEY);
    // Its own type of an instant.
    let now = time::to_rfc3339(now).parse().expect("a timestamp");
    move |key| {
        let mut action = bucket.put_object(Some(&credentials), black_box(key));
        action
            .headers_mut()
            .insert("content-length", CONTENT_LENGTH);
        action.headers_mut().insert("content-type", CONTENT_TYPE);
        String::from(action.sign_with_time(Duration::from_secs(EXPIRES_S.into()), &now))
    }
}

fn aws_credentials() -> AwsCredentials {
    AwsCredentials::new(ACCESS_KEY, SECRET_KEY, None, None, "bench")
}

/// What AWS's crates take for an instant.
fn system_time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(at.timestamp().unsigned_abs())
}

/// aws-sigv4: it adds parameters to a URL that somebody else escaped.
fn aws_sigv4(now: Timestamp) -> impl Fn(&str) -> String {
    let identity = aws_credentials().into();
    move |key| {
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(EXPIRES_S.into()));
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let params: SigningParams<'_> = v4::SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name("s3")
            .time(system_time(now))
            .settings(settings)
            .build()
            .expect("parameters")
            .into();
        let url = format!("https://{HOST}/{}", black_box(key));
        let headers = [
            ("content-length", CONTENT_LENGTH),
            ("content-type", CONTENT_TYPE),
        ];
        let request = SignableRequest::new(
            "PUT",
            url.as_str(),
            headers.into_iter(),
            SignableBody::UnsignedPayload,
        )
        .expect("a request");
        let (instructions, _) = sign(request, &params).expect("a signature").into_parts();
        let mut request = http::Request::put(url).body(()).expect("a request");
        instructions.apply_to_request_http1x(&mut request);
        request.uri().to_string()
    }
}

/// aws-sdk-s3: it adds `x-id`, so its URL is another.
fn aws_sdk_s3(now: Timestamp) -> impl Fn(&str) -> String {
    let sdk = aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(aws_credentials())
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .build(),
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    move |key| {
        let config = PresigningConfig::builder()
            .start_time(system_time(now))
            .expires_in(Duration::from_secs(EXPIRES_S.into()))
            .build()
            .expect("a configuration");
        let request = sdk
            .put_object()
            .bucket(BUCKET)
            .key(black_box(key))
            .content_type(CONTENT_TYPE)
            .content_length(73_400_320);
        runtime
            .block_on(request.presigned(config))
            .expect("a URL")
            .uri()
            .to_owned()
    }
}

/// SHA-256 over messages of so many blocks, by their compression alone.
fn compress(counts: [usize; 3]) -> impl Fn() -> usize {
    let blocks_max = counts.into_iter().max().unwrap_or(0);
    let data = vec![[7u8; 64]; blocks_max];
    move || {
        let mut state = black_box([1u32; 8]);
        for count in counts {
            compress256(&mut state, black_box(&data[..count]));
        }
        black_box(state)[0] as usize
    }
}

fn main() {
    let now = time::parse("2026-02-03T04:05:06Z").expect("a timestamp");
    let consign = consign();
    let mut second = 0;
    let mut consign_anew = |key: &str| {
        second = (second + 1) % SECONDS;
        consign(key, time::saturating_add_secs(now, second))
    };
    let (rusty_s3, aws_sigv4, aws_sdk_s3) = (rusty_s3(now), aws_sigv4(now), aws_sdk_s3(now));
    let wanted = consign(KEY, now);
    assert_eq!(wanted.len(), URL_BYTES, "{wanted}");
    assert_eq!(rusty_s3(KEY), wanted);
    assert_eq!(aws_sigv4(KEY), wanted);
    assert!(aws_sdk_s3(KEY).contains("content-length%3Bcontent-type%3Bhost"));

    // The blocks: the canonical request, the string to sign after the key's inner pad, the digest after its outer pad.
    let request_blocks = blocks(canonical_request_len(&wanted));
    let message_blocks = blocks(
        "AWS4-HMAC-SHA256\n20260203T040506Z\n20260203/eu-west-1/s3/aws4_request\n".len() + 64,
    );
    let counts = [request_blocks, message_blocks, 1];

    let mut contenders = [
        Contender::new("SHA-256 blocks alone", compress(counts)),
        Contender::new("consign", || consign(KEY, now).len()),
        Contender::new("consign, new second", || consign_anew(KEY).len()),
        Contender::new("rusty-s3", || rusty_s3(KEY).len()),
        Contender::new("aws-sigv4", || aws_sigv4(KEY).len()),
        Contender::new("aws-sdk-s3", || aws_sdk_s3(KEY).len()),
    ];
    contenders.iter_mut().for_each(Contender::warm_up);
    for _ in 0..ROUNDS {
        contenders.iter_mut().for_each(Contender::measure);
    }
    report(&contenders, counts.iter().sum());
}

fn report(contenders: &[Contender<'_>], blocks: usize) {
    let [sha, consign, _, rusty_s3, ..] = contenders else {
        return;
    };
    println!(
        "one presigned PUT of {URL_BYTES} bytes; content-length, content-type and host signed; {blocks} blocks of SHA-256\n"
    );
    println!(
        "{:<22}{:>12}{:>14}{:>14}",
        "", "ns per URL", "of the blocks", "of consign"
    );
    for Contender { name, best_ns, .. } in contenders {
        println!(
            "{name:<22}{best_ns:>12.0}{:>14.2}{:>14.2}",
            best_ns / sha.best_ns,
            best_ns / consign.best_ns
        );
    }
    let (of_blocks, of_rusty_s3) = (
        consign.best_ns / sha.best_ns,
        rusty_s3.best_ns / consign.best_ns,
    );
    let verdict = |holds: bool| if holds { "holds" } else { "MISSED" };
    println!(
        "\nat most {BLOCKS_RATIO_MAX} times the blocks: {of_blocks:.2}, {}",
        verdict(of_blocks <= BLOCKS_RATIO_MAX)
    );
    println!(
        "at least {RUSTY_S3_RATIO_MIN} times faster than rusty-s3: {of_rusty_s3:.2}, {}",
        verdict(of_rusty_s3 >= RUSTY_S3_RATIO_MIN)
    );
}

/// Blocks that a message of so many bytes fills with its padding.
fn blocks(message_len: usize) -> usize {
    (message_len + 9).div_ceil(64)
}

/// The length of the canonical request behind a URL of this benchmark.
fn canonical_request_len(url: &str) -> usize {
    let path_and_query = url
        .strip_prefix("https://")
        .and_then(|rest| rest.strip_prefix(HOST))
        .expect("our host");
    let (path, query) = path_and_query.split_once('?').expect("a query");
    let (query, _) = query.split_once("&X-Amz-Signature=").expect("a signature");
    let headers =
        format!("content-length:{CONTENT_LENGTH}\ncontent-type:{CONTENT_TYPE}\nhost:{HOST}\n");
    let names = "content-length;content-type;host";
    format!("PUT\n{path}\n{query}\n{headers}\n{names}\nUNSIGNED-PAYLOAD").len()
}
