//! The commands as text; that they work is shown against the running system.

use super::*;

const ORIGIN: &str = "https://gantry.test";

fn cli() -> Cli {
    let text = str::to_owned;
    Cli {
        brand: text("Rock'n'Run & Co."),
        provider_id: text("rock-run"),
        env_key: text("ROCK_KEY"),
        model: text("gpt-5.5"),
        effort: text("medium"),
        declined_model: text("gpt-6-sol"),
        version: text("0.130.0"),
        install_tag: text("latest"),
    }
}

#[test]
fn the_key_stands_in_every_command_that_calls_and_nowhere_else() {
    let shown = public_codex(&cli(), ORIGIN, "the-key");
    let shown = serde_json::to_value(&shown).unwrap();
    for (name, value) in shown.as_object().unwrap() {
        let calls = ["start", "smoke", "override", "resume"];
        let calls = calls.iter().any(|word| name.to_lowercase().contains(word));
        assert_eq!(value.to_string().contains("the-key"), calls, "{name}: {value}");
    }
}

#[test]
fn without_a_key_a_placeholder_says_what_belongs_there() {
    assert_eq!(cli().placeholder(), "<ROCK_RUN_API_KEY>");
    let posix = public_codex(&cli(), ORIGIN, &cli().placeholder()).start_command;
    assert!(posix.starts_with("ROCK_KEY='<ROCK_RUN_API_KEY>' codex --search -m gpt-5.5 -c '"));
}

#[test]
fn a_file_and_arguments_say_the_same() {
    let shown = public_codex(&cli(), ORIGIN, "k");
    assert_eq!(
        shown.config_toml,
        "model = \"gpt-5.5\"\nmodel_provider = \"rock-run\"\nmodel_reasoning_effort = \"medium\"\n\
         web_search = \"live\"\nnotice.model_migrations = { \"gpt-5.5\" = \"gpt-6-sol\" }\n\n\
         [model_providers.rock-run]\nname = \"Rock'n'Run & Co.\"\n\
         base_url = \"https://gantry.test/v1\"\nenv_key = \"ROCK_KEY\"\nwire_api = \"responses\"\n\
         supports_websockets = false\n"
    );
    assert_eq!(shown.config_args.len(), shown.config_toml.matches(" = ").count() - 2);
    let name = r#"-c 'model_providers.rock-run.name="Rock'\''n'\''Run & Co."'"#;
    assert!(shown.config_args.iter().any(|argument| argument == name), "{shown:#?}");
}

#[test]
fn no_argument_of_powershell_has_a_double_quote() {
    let shown = public_codex(&cli(), ORIGIN, "k");
    for command in [
        shown.windows_start_command,
        shown.windows_resume_last_command,
        shown.windows_exec_smoke_test_command,
    ] {
        let arguments = command.split_once("codex -").or(command.split_once("codex r")).unwrap().1;
        assert!(!arguments.contains('"'), "{arguments}");
        let name = "'model_providers.rock-run.name=''''''Rock''n''Run & Co.'''''''";
        assert!(arguments.contains(name), "{arguments}");
    }
}

#[test]
fn models_have_names_for_people() {
    for (model, label) in [("gpt-5.5", "GPT-5.5"), ("gpt-6.1-sol", "GPT-6.1-Sol"), ("o9", "O9")] {
        let cli = Cli { model: model.to_owned(), ..cli() };
        assert_eq!(public_codex(&cli, ORIGIN, "k").display_model, label);
    }
}

#[track_caller]
fn refuses(change: fn(&mut Cli), name: &str) {
    let mut cli = cli();
    change(&mut cli);
    let faults = cli.faults();
    assert!(faults.len() == 1 && faults[0].starts_with(name), "{faults:?}");
}

#[test]
fn what_no_command_could_say_is_refused_by_its_name() {
    assert_eq!(cli().faults(), Vec::<String>::new());
    refuses(|cli| cli.provider_id = "openai".to_owned(), "PROVIDER_ID");
    refuses(|cli| cli.provider_id = "a b".to_owned(), "PROVIDER_ID");
    refuses(|cli| cli.env_key = "A B".to_owned(), "ENV_KEY");
    refuses(|cli| cli.env_key = "1A".to_owned(), "ENV_KEY");
    refuses(|cli| cli.model = "$(id)".to_owned(), "DEFAULT_MODEL");
    refuses(|cli| cli.effort = String::new(), "DEFAULT_EFFORT");
    refuses(|cli| cli.version = "-g".to_owned(), "CLI_VERSION");
    refuses(|cli| cli.install_tag = "a;b".to_owned(), "CLI_INSTALL_TAG");
    refuses(|cli| cli.declined_model = "a\"b".to_owned(), "DECLINED_MODEL");
    refuses(|cli| cli.brand = "say \"hi\"".to_owned(), "BRAND");
    refuses(|cli| cli.brand = "a\nb".to_owned(), "BRAND");
    refuses(|cli| cli.brand = "James'".to_owned(), "BRAND");
}
