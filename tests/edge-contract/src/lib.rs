//! A Worker that runs the ports' contract where its adapters live: inside workerd, against the local D1 and R2.
//!
//! `GET /cases` lists the cases by port; `POST /run/<port>/<case>` empties everything and runs one. A case that fails panics:
//! the answer is 500 then, and the log has the reason.

mod subject;

use consign_testkit::{multipart_cases, object_store_cases, upload_repo_cases};
use worker::{Context, Env, Request, Response, event};

use subject::{Store, empty, repo};

#[event(fetch)]
async fn fetch(request: Request, env: Env, _: Context) -> worker::Result<Response> {
    let path = request.path();
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let ran = match segments.as_slice() {
        ["health", "live"] => return Response::empty(),
        ["cases"] => {
            return Response::from_json(&serde_json::json!({
                "upload_repo": upload_repo_cases!(contract_names ()),
                "object_store": object_store_cases!(contract_names ()),
                "multipart": multipart_cases!(contract_names ()),
            }));
        }
        ["run", port, case] => run(&env, port, case).await?,
        _ => false,
    };
    if ran {
        Response::empty()
    } else {
        Response::error("there is no such case", 404)
    }
}

async fn run(env: &Env, port: &str, case: &str) -> worker::Result<bool> {
    empty(env).await?;
    Ok(match port {
        "upload_repo" => {
            let repo = repo(env)?;
            upload_repo_cases!(contract_run(case, &repo))
        }
        "object_store" => {
            let store = Store::open(env)?;
            object_store_cases!(contract_run(case, &store.objects))
        }
        "multipart" => {
            let store = Store::open(env)?;
            multipart_cases!(contract_run(case, &store))
        }
        _ => false,
    })
}
