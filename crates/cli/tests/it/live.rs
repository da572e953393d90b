//! The live view on a terminal that `script` (util-linux) makes.

use crate::text;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";
const SHOW_CURSOR: &str = "\x1b[?25h";

struct Session {
    all: String,
    code: Option<i32>,
}

/// Runs `receptive train` on a terminal of 80x24. Types Ctrl-C once the view is open where
/// `interrupted` is true.
fn on_terminal(
    run: &Path,
    arguments: &str,
    environment: &[(&str, &str)],
    interrupted: bool,
) -> Session {
    let line = format!(
        "stty rows 24 cols 80; exec {} train --preset tutorial --limit 300 --threads 2 --run-dir {} \
         {arguments}",
        env!("CARGO_BIN_EXE_receptive"),
        run.display()
    );
    let mut child = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env("TERM", "xterm-256color")
        .env_remove("NO_COLOR")
        .env_remove("CI")
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut keyboard = child.stdin.take().unwrap();
    let mut screen = child.stdout.take().unwrap();
    let (mut all, mut part, mut typed) = (Vec::new(), [0; 4096], false);
    loop {
        match screen.read(&mut part).unwrap() {
            0 => break,
            count => all.extend(&part[..count]),
        }
        if interrupted && !typed && text_of(&all).contains("stops") {
            keyboard.write_all(b"\x03").unwrap();
            keyboard.flush().unwrap();
            typed = true;
        }
    }
    Session {
        all: text_of(&all),
        code: child.wait().unwrap().code(),
    }
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Session {
    /// What was written after the other screen was left for good, with the cursor back.
    fn afterwards(&self) -> &str {
        let (before, after) = self.all.rsplit_once(LEAVE).expect("the screen was left");
        assert_eq!(before.matches(LEAVE).count(), 0);
        let screens: Vec<&str> = before.split(ENTER).collect();
        assert_eq!(screens.len(), 2);
        // A picture was drawn, and the plain lines did not stand in for it.
        assert!(screens[1].contains("training") && screens[1].contains('━'));
        assert!(after.matches("img/s").count() <= 2, "{after}");
        assert!(!after.contains(ENTER));
        assert!(after.contains(SHOW_CURSOR));
        after
    }
}

#[test]
fn the_view_opens_and_leaves_the_results_on_the_normal_screen() {
    let directory = tempfile::tempdir().unwrap();
    let run = directory.path().join("run");
    let seen = on_terminal(&run, "--epochs 9", &[], false);
    assert_eq!(seen.code, Some(0), "{}", seen.all);
    let (announced, _) = seen.all.split_once(ENTER).unwrap();
    assert!(announced.contains("model    "), "{announced}");
    let after = seen.afterwards();
    for word in [
        "epoch 9/9  loss",
        "test       top-1",
        "sha256     ",
        "next       ",
    ] {
        assert!(after.contains(word), "{word}: {after}");
    }
}

#[test]
fn ctrl_c_saves_and_gives_the_terminal_back() {
    let directory = tempfile::tempdir().unwrap();
    let run = directory.path().join("run");
    let seen = on_terminal(&run, "--epochs 100000", &[], true);
    assert_eq!(seen.code, Some(130), "{}", seen.all);
    assert!(seen.afterwards().contains("--resume"), "{}", seen.all);
    assert!(run.join("checkpoints").is_dir());
}

#[test]
fn an_error_is_read_on_the_normal_screen() {
    let directory = tempfile::tempdir().unwrap();
    let run = directory.path().join("run");
    let wild = "--epochs 3 --set train.optimizer.learning_rate=1e30";
    let seen = on_terminal(&run, wild, &[], false);
    assert_eq!(seen.code, Some(1), "{}", seen.all);
    assert!(seen.afterwards().contains("error: "), "{}", seen.all);
}

#[test]
fn who_wants_plain_lines_gets_them() {
    let directory = tempfile::tempdir().unwrap();
    for (name, arguments, environment) in [
        ("off", "--tui off", [("TERM", "xterm")]),
        ("no-colour", "", [("NO_COLOR", "1")]),
        ("ci", "", [("CI", "true")]),
        ("dumb", "", [("TERM", "dumb")]),
    ] {
        let run = directory.path().join(name);
        let arguments = format!("--epochs 2 {arguments}");
        let seen = on_terminal(&run, &arguments, &environment, false);
        assert_eq!(seen.code, Some(0), "{name}: {}", seen.all);
        assert!(!seen.all.contains(ENTER), "{name}");
        assert!(seen.all.contains("epoch 1/2  loss"), "{name}: {}", seen.all);
    }
    // Without colours, but on request: a view in the terminal's own.
    let run = directory.path().join("on");
    let seen = on_terminal(&run, "--epochs 2 --tui on", &[("NO_COLOR", "1")], false);
    let view = seen.all.split(ENTER).nth(1).unwrap();
    assert!(
        !view.contains("\x1b[36m") && !view.contains("\x1b[38;5;"),
        "{view}"
    );
}

#[test]
fn a_view_needs_a_terminal() {
    let refused = crate::output(&["train", "--tui", "on"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("not a terminal"));
}
