//! The deployment files and `.env.example` fit the program.

use std::{fs, path::Path};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(name)).unwrap()
}

#[test]
fn what_the_container_is_built_from_is_there() {
    let file = read(".deploy/Containerfile");
    let copies = file.lines().filter_map(|line| line.strip_prefix("COPY "));
    let ours: Vec<_> = copies.filter(|copy| !copy.starts_with("--from")).collect();
    assert!(ours.len() > 3, "{ours:?}");
    for copy in ours {
        let (sources, _to) = copy.rsplit_once(' ').unwrap();
        for source in sources.split(' ') {
            assert!(Path::new(ROOT).join(source).exists(), "{source}");
        }
    }
    let version = read("Cargo.toml");
    let version = version
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "));
    let image = format!("rust:{}-", version.unwrap().trim_matches('"'));
    assert!(file.contains(&image), "{image}");
}

#[test]
fn every_setting_the_deployment_names_is_one() {
    let known = read(".env.example");
    let unit = read(".deploy/unbind-bot.service");
    let container = read(".deploy/Containerfile");
    let unit = unit
        .lines()
        .filter_map(|line| line.strip_prefix("Environment="));
    let container = container
        .lines()
        .filter_map(|line| line.strip_prefix("ENV "));
    let named: Vec<_> = unit
        .chain(container)
        .flat_map(|line| line.split(' '))
        .collect();
    assert_eq!(named.len(), 4);
    for setting in named {
        let (name, _) = setting.split_once('=').unwrap();
        assert!(known.contains(&format!("{name}=")), "{name}");
    }
}

#[test]
fn the_unit_restarts_after_any_end_but_those_that_need_a_person() {
    let unit = read(".deploy/unbind-bot.service");
    let value = |name: &str| {
        let named = unit.lines().filter_map(|line| line.strip_prefix(name));
        let values: Vec<_> = named.filter_map(|rest| rest.strip_prefix('=')).collect();
        assert_eq!(values.len(), 1, "{name}");
        values[0]
    };
    assert_eq!(value("Restart"), "always");
    assert_eq!(value("RestartPreventExitStatus"), "2 3");
    assert_eq!(value("ExecReload"), "/bin/kill -HUP $MAINPID");
    // The runtime's and the store's threads, and the 128 that sled may start.
    assert!(value("TasksMax").parse::<u32>().unwrap() >= 200);
}
