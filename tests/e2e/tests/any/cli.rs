//! The whole job by the command line, and what it says when something is wrong.

use e2e::{Cli, Host, POLICY, csv};

#[tokio::test]
async fn the_command_line_does_the_whole_job_and_says_what_is_wrong() {
    let host = Host::start(POLICY).await;
    let cli = Cli::new(&host, "ann");
    std::fs::write(cli.folder().join("good.csv"), csv(10)).unwrap();
    std::fs::write(cli.folder().join("bad.csv"), [0; 100]).unwrap();
    std::fs::write(cli.folder().join("odd.exe"), "x").unwrap();

    let printed = cli.succeed(&["upload", "good.csv"]);
    let file_id = printed.split('\t').next().unwrap();
    assert!(cli.succeed(&["status", file_id]).contains("ready"));
    assert!(cli.succeed(&["list"]).contains(file_id));
    cli.succeed(&["download", file_id, "-o", "again.csv"]);
    assert_eq!(
        std::fs::read(cli.folder().join("again.csv")).unwrap(),
        csv(10)
    );
    // Links that somebody laid where an unfinished download might be written lead nowhere.
    let victim = cli.folder().join("victim");
    std::fs::write(&victim, "untouched").unwrap();
    std::os::unix::fs::symlink(&victim, cli.folder().join("linked.csv.part")).unwrap();
    cli.succeed(&["download", file_id, "-o", "linked.csv"]);
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "untouched");
    assert_eq!(
        std::fs::read(cli.folder().join("linked.csv")).unwrap(),
        csv(10)
    );
    cli.succeed(&["doctor"]);
    cli.succeed(&["delete", file_id]);

    for (args, says) in [
        (["upload", "bad.csv"], "does not start like a .csv file"),
        (["upload", "odd.exe"], "must end in one of"),
        (["upload", "none.csv"], "none.csv"),
        (["download", file_id], "nothing exists under this name"),
    ] {
        let output = cli.run(&args);
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {complaints}");
        assert!(complaints.contains(says), "{args:?}: {complaints}");
    }
}

#[tokio::test]
async fn rejected_rows_are_told_and_fail_the_command_where_that_is_asked() {
    let host = Host::start(POLICY).await;
    let cli = Cli::new(&host, "ann");
    let rows = "1;2,50\n2;much\n3;4,00\n";
    std::fs::write(cli.folder().join("prices.csv"), format!("id;price\n{rows}")).unwrap();
    let hinted = [
        "--delimiter",
        ";",
        "--decimal",
        ",",
        "--column",
        "price=decimal",
    ];
    let upload = [&["upload", "prices.csv"][..], &hinted].concat();
    let printed = cli.succeed(&upload);
    assert!(printed.contains("2 rows, 1 rejected"), "{printed}");
    let file_id = printed.split('\t').next().unwrap();
    assert!(
        cli.succeed(&["status", file_id])
            .contains("2 rows, 1 rejected")
    );
    let profile = cli.succeed(&["status", file_id, "--profile"]);
    assert!(
        profile.contains("price") && profile.contains("decimal"),
        "{profile}"
    );
    let rejects = [
        "download",
        file_id,
        "--variant",
        "rejects_parquet",
        "-o",
        "rejects.parquet",
    ];
    cli.succeed(&rejects);
    let rejects = std::fs::read(cli.folder().join("rejects.parquet")).unwrap();
    assert!(rejects.starts_with(b"PAR1"));

    let output = cli.run(&[&upload[..], &["--fail-on-rejects"]].concat());
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{complaints}");
    assert!(complaints.contains("rejected rows: 1"), "{complaints}");
}
