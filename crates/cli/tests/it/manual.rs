//! `completions` and `man`.

use crate::{done, output, text};
use std::process::Command;

#[test]
fn every_shell_gets_a_script_and_bash_can_read_its_own() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = done(&["completions", shell]);
        assert!(
            script.contains("lr-find") && script.contains("overfit"),
            "{shell}"
        );
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("receptive.bash");
    std::fs::write(&file, done(&["completions", "bash"])).unwrap();
    // A system without bash has nothing to read it with.
    if let Ok(read) = Command::new("bash").arg("-n").arg(&file).output() {
        assert!(read.status.success(), "{}", text(&read.stderr));
    }
    assert_eq!(output(&["completions", "tcsh"]).status.code(), Some(2));
}

#[test]
fn every_command_has_a_manual_page() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("man");
    let words = done(&["man", "--out", out.to_str().unwrap()]);
    let help = done(&["--help"]);
    let (_, commands) = help.split_once("Commands:").unwrap();
    let (commands, _) = commands.split_once("Options:").unwrap();
    let mut pages = 0;
    for line in commands.lines() {
        // Names stand two columns in; what they do further.
        let Some(name) = line
            .strip_prefix("  ")
            .filter(|line| !line.starts_with(' '))
        else {
            continue;
        };
        let name = name.split_whitespace().next().unwrap();
        let page = out.join(format!("receptive-{name}.1"));
        if name == "help" {
            continue;
        }
        let roff = std::fs::read_to_string(&page).unwrap();
        assert!(
            roff.starts_with(".ie") && roff.contains("\n.TH receptive-"),
            "{roff}"
        );
        assert!(
            roff.contains(".SH NAME") && roff.contains(".SH OPTIONS"),
            "{name}"
        );
        pages += 1;
    }
    assert!(pages >= 14, "{pages} pages; {words}");
    assert!(out.join("receptive.1").is_file() && out.join("receptive-erf-sweep.1").is_file());

    let page = done(&["man", "erf", "sweep"]);
    assert!(page.contains(".TH") && page.contains("depths"), "{page}");
    assert!(done(&["man"]).contains("Exit codes"));
    let refused = output(&["man", "trian"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("train"));
}
