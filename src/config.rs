//! Settings from the command line and the environment. All faults are reported at once, each with the setting's name and
//! its repair.
//!
//! clap reads the `*Args`, all of them text; [`ServeArgs::settings`] and the like parse them. [`ServeSettings`] are valid.

mod given;
mod log_filter;

use std::{
    ffi::OsString,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::Args;
use tracing_subscriber::EnvFilter;
use url::Url;

use self::given::{given, given_or, hide_secrets};
use crate::telegram::{
    api::ProxyAddress,
    webhook::{WebhookSecret, WebhookSettings},
};

/// Telegram's own Bot API server.
const TELEGRAM: &str = "https://api.telegram.org";
/// Messages a second to all chats together: Telegram's limit for a bot.
const DEFAULT_SEND_RATE: &str = "30";
/// Messages a second to one chat: Telegram's advice.
const DEFAULT_SEND_RATE_PER_CHAT: &str = "1";
const DEFAULT_KNOWLEDGE: &str = "knowledge";
const DEFAULT_DATABASE: &str = "sled:data";
const DEFAULT_LOG: &str = "info";
const DEFAULT_LOG_FORMAT: &str = "text";

#[derive(Debug, Clone, Args)]
pub struct KnowledgeArgs {
    /// The folder of the knowledge base
    #[arg(
        long = "knowledge",
        env = "KNOWLEDGE_DIR",
        value_name = "DIR",
        default_value = DEFAULT_KNOWLEDGE
    )]
    knowledge: OsString,
}

#[derive(Debug, Clone, Args)]
pub struct StoreArgs {
    /// Where chats are stored: `sled:FOLDER`
    #[arg(
        long,
        env = "DATABASE_URL",
        value_name = "URL",
        default_value = DEFAULT_DATABASE,
        hide_env_values = true
    )]
    database_url: String,
}

#[derive(Debug, Clone, Args)]
pub struct LogArgs {
    /// What to log: `error`, `warn`, `info`, `debug`, or a filter such as `info,unbind_bot=debug`
    #[arg(long, env = "LOG", value_name = "FILTER", default_value = DEFAULT_LOG)]
    log: String,
    /// How to log: `text` or `json`
    #[arg(
        long,
        env = "LOG_FORMAT",
        value_name = "FORMAT",
        default_value = DEFAULT_LOG_FORMAT
    )]
    log_format: String,
}

/// The settings of `serve` as text.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    knowledge: KnowledgeArgs,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    log: LogArgs,
    /// The bot's token, from @BotFather
    #[arg(
        long,
        env = "TELOXIDE_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
    /// The address of the Bot API server
    #[arg(
        long,
        env = "TELOXIDE_API_URL",
        value_name = "URL",
        default_value = TELEGRAM
    )]
    api_url: String,
    /// The proxy to reach the Bot API server through, like socks5h://127.0.0.1:1080; without one, HTTPS_PROXY, HTTP_PROXY
    /// and ALL_PROXY count, except for a server on this machine, and NO_PROXY always
    #[arg(
        long,
        env = "TELOXIDE_PROXY",
        value_name = "URL",
        hide_env_values = true
    )]
    proxy: Option<String>,
    /// The folder in which a Bot API server that runs with --local keeps its files, readable here at the same path
    #[arg(long, env = "API_FILES_DIR", value_name = "DIR")]
    api_files: Option<String>,
    /// Receive updates at this public https address instead of polling
    #[arg(long, env = "WEBHOOK_URL", value_name = "URL")]
    webhook_url: Option<String>,
    /// The address and port to listen on for the webhook
    #[arg(long, env = "WEBHOOK_LISTEN", value_name = "ADDRESS")]
    webhook_listen: Option<String>,
    /// The secret that Telegram sends with each webhook call
    #[arg(
        long,
        env = "WEBHOOK_SECRET",
        value_name = "SECRET",
        hide_env_values = true
    )]
    webhook_secret: Option<String>,
    /// The id of the staff's group
    #[arg(
        long,
        env = "SUPPORT_CHAT_ID",
        value_name = "ID",
        allow_hyphen_values = true
    )]
    support_chat_id: Option<String>,
    /// User ids of the administrators, separated by commas
    #[arg(long, env = "ADMIN_IDS", value_name = "IDS")]
    admin_ids: Option<String>,
    /// Messages a second to all chats together; 0 for no limit
    #[arg(long, env = "SEND_RATE", value_name = "N", default_value = DEFAULT_SEND_RATE)]
    send_rate: String,
    /// Messages a second to one chat, with a short burst; 0 for no limit
    #[arg(long, env = "SEND_RATE_PER_CHAT", value_name = "N", default_value = DEFAULT_SEND_RATE_PER_CHAT)]
    send_rate_per_chat: String,
    /// The address and port to serve health and metrics on
    #[arg(long, env = "HEALTH_LISTEN", value_name = "ADDRESS")]
    health_listen: Option<String>,
}

/// A bot token. `Debug` does not show it, so that it gets into no log and no error.
#[derive(Clone, PartialEq, Eq)]
pub struct BotToken(String);

impl BotToken {
    /// The token itself, for calls of the Bot API only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for BotToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BotToken(…)")
    }
}

/// Where chats are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// sled, in this folder.
    Sled(PathBuf),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Debug)]
pub struct LogSettings {
    pub filter: EnvFilter,
    pub format: LogFormat,
}

/// The settings of `serve`, parsed and checked.
#[derive(Debug)]
pub struct ServeSettings {
    /// The folder of the knowledge base.
    pub knowledge: PathBuf,
    pub database: Database,
    pub log: LogSettings,
    pub token: BotToken,
    /// The address of the Bot API server.
    pub api_url: Url,
    /// The proxy to reach it through; without one, the environment's counts.
    pub proxy: Option<ProxyAddress>,
    /// The folder in which a local Bot API server keeps files.
    pub api_files: Option<PathBuf>,
    /// Messages a second to all chats together; 0 for no limit.
    pub send_rate: u32,
    /// Messages a second to one chat; 0 for no limit.
    pub send_rate_per_chat: u32,
    /// Without one, updates are polled.
    pub webhook: Option<WebhookSettings>,
    /// Where health and metrics are served.
    pub health_listen: Option<SocketAddr>,
    /// The staff's group; not used yet.
    pub support_chat: Option<i64>,
}

/// A setting that is not valid: its name, the fault and the repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingFault {
    name: &'static str,
    fault: String,
}

impl fmt::Display for SettingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.fault)
    }
}

/// All settings that are not valid.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
pub struct SettingFaults(pub Vec<SettingFault>);

impl fmt::Display for SettingFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl SettingFaults {
    fn without(self, secrets: &[&str]) -> Self {
        let faults = self.0.into_iter().map(|fault| SettingFault {
            fault: hide_secrets(&fault.fault, secrets),
            ..fault
        });
        Self(faults.collect())
    }

    /// Returns the value, or adds the fault to the list.
    fn collect<T>(&mut self, name: &'static str, read: Result<T, String>) -> Option<T> {
        read.map_err(|fault| self.0.push(SettingFault { name, fault }))
            .ok()
    }
}

impl KnowledgeArgs {
    /// The folder of the knowledge base, which may not exist.
    pub fn folder(&self) -> PathBuf {
        match self.knowledge.to_str().map(str::trim) {
            Some("") => DEFAULT_KNOWLEDGE.into(),
            Some(folder) => folder.into(),
            None => self.knowledge.clone().into(),
        }
    }
}

impl StoreArgs {
    /// # Errors
    /// If `DATABASE_URL` is not valid.
    pub fn database(&self) -> Result<Database, SettingFaults> {
        let mut faults = SettingFaults::default();
        faults
            .collect("DATABASE_URL", read_database(&self.database_url))
            .ok_or(faults)
    }
}

impl LogArgs {
    /// # Errors
    /// If `LOG` or `LOG_FORMAT` are not valid.
    pub fn settings(&self) -> Result<LogSettings, SettingFaults> {
        let mut faults = SettingFaults::default();
        self.read(&mut faults).ok_or(faults)
    }

    fn read(&self, faults: &mut SettingFaults) -> Option<LogSettings> {
        let filter = faults.collect("LOG", read_filter(&self.log));
        let format = faults.collect("LOG_FORMAT", read_log_format(&self.log_format));
        Some(LogSettings {
            filter: filter?,
            format: format?,
        })
    }
}

impl ServeArgs {
    /// # Errors
    /// Every setting that is not valid.
    pub fn settings(&self) -> Result<ServeSettings, SettingFaults> {
        let mut faults = SettingFaults::default();
        self.read(&mut faults)
            .filter(|_| faults.0.is_empty())
            .ok_or_else(|| faults.without(&self.secrets()))
    }

    /// The secrets among the settings, which no fault may show.
    fn secrets(&self) -> Vec<&str> {
        let token = non_empty(self.token.as_deref());
        let rest_of_token = token.and_then(|token| Some(token.split_once(':')?.1));
        let secret = non_empty(self.webhook_secret.as_deref());
        [token, rest_of_token, secret]
            .into_iter()
            .flatten()
            .collect()
    }

    fn read(&self, faults: &mut SettingFaults) -> Option<ServeSettings> {
        let token = faults.collect("TELOXIDE_TOKEN", read_token(self.token.as_deref()));
        let api_url = faults.collect(
            "TELOXIDE_API_URL",
            given_or(&self.api_url, TELEGRAM).and_then(read_http_url),
        );
        let proxy = faults.collect("TELOXIDE_PROXY", read_proxy(self.proxy.as_deref()));
        let api_files = faults.collect("API_FILES_DIR", read_api_files(self.api_files.as_deref()));
        let database = faults.collect("DATABASE_URL", read_database(&self.store.database_url));
        let knowledge = faults.collect("KNOWLEDGE_DIR", read_folder(&self.knowledge.folder()));
        let webhook = self.read_webhook(faults);
        let support_chat =
            faults.collect("SUPPORT_CHAT_ID", read_id(self.support_chat_id.as_deref()));
        faults.collect("ADMIN_IDS", read_ids(self.admin_ids.as_deref()));
        let send_rate = faults.collect("SEND_RATE", read_rate(&self.send_rate, DEFAULT_SEND_RATE));
        let send_rate_per_chat = faults.collect(
            "SEND_RATE_PER_CHAT",
            read_rate(&self.send_rate_per_chat, DEFAULT_SEND_RATE_PER_CHAT),
        );
        let health_listen =
            faults.collect("HEALTH_LISTEN", read_address(self.health_listen.as_deref()));
        let log = self.log.read(faults);
        Some(ServeSettings {
            knowledge: knowledge?,
            database: database?,
            log: log?,
            token: token?,
            api_url: api_url?,
            proxy: proxy?,
            api_files: api_files?,
            send_rate: send_rate?,
            send_rate_per_chat: send_rate_per_chat?,
            webhook,
            health_listen: health_listen?,
            support_chat: support_chat?,
        })
    }

    /// The webhook; `None` without one, and after a fault, which is added to `faults`.
    fn read_webhook(&self, faults: &mut SettingFaults) -> Option<WebhookSettings> {
        let url = faults
            .collect("WEBHOOK_URL", self.read_webhook_url())
            .flatten();
        let listen = faults
            .collect("WEBHOOK_LISTEN", self.read_webhook_listen(url.is_some()))
            .flatten();
        let secret = faults
            .collect(
                "WEBHOOK_SECRET",
                read_secret(self.webhook_secret.as_deref()),
            )
            .flatten();
        Some(WebhookSettings {
            url: url?,
            listen: listen?,
            secret,
        })
    }

    fn read_webhook_listen(&self, is_required: bool) -> Result<Option<SocketAddr>, String> {
        let listen = read_address(self.webhook_listen.as_deref())?;
        if is_required && listen.is_none() {
            return Err(
                "say where to listen for what comes to WEBHOOK_URL; write it like 127.0.0.1:8443"
                    .to_owned(),
            );
        }
        Ok(listen)
    }

    /// Telegram sends updates over https only; your own Bot API server also over http.
    fn read_webhook_url(&self) -> Result<Option<Url>, String> {
        let Some(text) = given(self.webhook_url.as_deref())? else {
            return Ok(None);
        };
        let token = non_empty(self.token.as_deref());
        if token.is_some_and(|token| text.contains(token)) {
            return Err("leave the token out of the address, since proxies log addresses; WEBHOOK_SECRET proves that a call comes from Telegram".to_owned());
        }
        let server = non_empty(Some(&self.api_url)).unwrap_or(TELEGRAM);
        let own_server = server.trim_end_matches('/') != TELEGRAM;
        match Url::parse(text) {
            // The HTTP router reads such parts of a path as parameters.
            Ok(url) if url.path().contains("/:") || url.path().contains("/*") => Err(format!(
                "`{text}` has a part that begins with `:` or `*`; use letters and digits"
            )),
            Ok(url) if url.scheme() == "https" || own_server && url.scheme() == "http" => {
                Ok(Some(url))
            }
            _ => Err(format!(
                "`{text}` is no https address; write it like https://bot.example.org/telegram, or leave it empty to poll"
            )),
        }
    }
}

/// An empty variable in `.env` counts as unset.
fn non_empty(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|value| !value.is_empty())
}

fn read_token(token: Option<&str>) -> Result<BotToken, String> {
    let Some(token) = given(token)? else {
        return Err("the bot's token is missing; get one from @BotFather and put it into .env, or try `unbind-bot chat`, which needs none".to_owned());
    };
    let looks_right = token.split_once(':').is_some_and(|(id, secret)| {
        let is_secret = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        !id.is_empty()
            && id.chars().all(|c| c.is_ascii_digit())
            && !secret.is_empty()
            && secret.chars().all(is_secret)
    });
    if looks_right {
        return Ok(BotToken(token.to_owned()));
    }
    Err(
        "this is no bot token; one looks like 123456789:AAbbCC… and comes from @BotFather"
            .to_owned(),
    )
}

fn read_http_url(text: &str) -> Result<Url, String> {
    match Url::parse(text.trim()) {
        // The token and the method are put behind the path.
        Ok(url) if url.query().is_some() || url.fragment().is_some() => Err(
            "leave out `?` or `#` and what is behind it, since the bot's requests are put behind the address; write it like http://localhost:8081".to_owned(),
        ),
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => Err(format!(
            "`{text}` is no http address; leave it out for Telegram's own server, or write it like http://localhost:8081"
        )),
    }
}

fn read_proxy(proxy: Option<&str>) -> Result<Option<ProxyAddress>, String> {
    let Some(proxy) = given(proxy)? else {
        return Ok(None);
    };
    // It is not shown, because it may contain a password.
    ProxyAddress::parse(proxy).map(Some).ok_or_else(|| {
        "this is no address of a proxy that can be used; write it like http://127.0.0.1:8080 or socks5h://127.0.0.1:1080".to_owned()
    })
}

fn read_api_files(folder: Option<&str>) -> Result<Option<PathBuf>, String> {
    let Some(folder) = given(folder)?.map(Path::new) else {
        return Ok(None);
    };
    if folder.is_absolute() && folder.is_dir() {
        return Ok(Some(folder.to_owned()));
    }
    Err(format!(
        "`{}` is no folder with its whole path; name the one in which your Bot API server keeps files, like /var/lib/telegram-bot-api",
        folder.display()
    ))
}

const EXAMPLE: &str = "name a folder to store the chats in, like `sled:data`";

fn read_database(text: &str) -> Result<Database, String> {
    let text = given_or(text, DEFAULT_DATABASE)?;
    let (engine, folder) = text.split_once(':').ok_or(EXAMPLE)?;
    match engine.to_ascii_lowercase().as_str() {
        "sled" => match given(Some(folder))? {
            Some(folder) => read_store_folder(folder).map(Database::Sled),
            None => Err(EXAMPLE.to_owned()),
        },
        "postgres" | "postgresql" => {
            Err("this version stores chats in sled only; write `sled:FOLDER`".to_owned())
        }
        _ => Err(EXAMPLE.to_owned()),
    }
}

/// The folder behind `sled:`. What only looks like a path would make a folder that nobody finds again.
fn read_store_folder(folder: &str) -> Result<PathBuf, String> {
    let is_address = folder.starts_with("//") && !folder.starts_with("///");
    if is_address {
        let name = folder.trim_start_matches('/');
        if name.is_empty() {
            return Err(EXAMPLE.to_owned());
        }
        return Err(format!(
            "`sled://` is not how a folder is named; write `sled:{name}` for a folder below the working folder, or `sled:/{name}` for one at the root"
        ));
    }
    if let Some(fault) = unexpanded(folder) {
        return Err(format!("{fault}, like `sled:/srv/unbind-bot`"));
    }
    Ok(folder.into())
}

/// What is wrong with a path that a shell would have expanded.
fn unexpanded(folder: &str) -> Option<&'static str> {
    if folder.starts_with('~') {
        return Some("`~` is replaced by shells only, not here; write the whole path");
    }
    let has_variable = folder.starts_with('$') || folder.contains("${");
    has_variable.then_some("variables are replaced by shells only, not here; write the whole path")
}

fn read_folder(folder: &Path) -> Result<PathBuf, String> {
    if folder.is_dir() {
        return Ok(folder.to_owned());
    }
    given(folder.to_str())?;
    if let Some(fault) = folder.to_str().and_then(unexpanded) {
        return Err(fault.to_owned());
    }
    Err(format!(
        "there is no folder `{}`; name the one that holds the knowledge base",
        folder.display()
    ))
}

fn read_address(address: Option<&str>) -> Result<Option<SocketAddr>, String> {
    let Some(address) = given(address)? else {
        return Ok(None);
    };
    address
        .parse()
        .map(Some)
        .map_err(|_| format!("`{address}` is no address with a port; write it like 127.0.0.1:8443"))
}

fn read_secret(secret: Option<&str>) -> Result<Option<WebhookSecret>, String> {
    /// Telegram's limit.
    const MAX_BYTES: usize = 256;
    let Some(secret) = given(secret)? else {
        return Ok(None);
    };
    let fits = secret.len() <= MAX_BYTES
        && secret
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if fits {
        Ok(Some(WebhookSecret(secret.to_owned())))
    } else {
        Err(format!("use 1 to {MAX_BYTES} letters, digits, `_` or `-`"))
    }
}

fn read_id(id: Option<&str>) -> Result<Option<i64>, String> {
    match read_ids(id)?.as_slice() {
        [] => Ok(None),
        [id] => Ok(Some(*id)),
        _ => Err("there can be one staff chat only; name one id".to_owned()),
    }
}

fn read_ids(ids: Option<&str>) -> Result<Vec<i64>, String> {
    let parts = given(ids)?.into_iter().flat_map(|ids| ids.split(','));
    // A comma may also stand behind the last one.
    let ids = parts.map(str::trim).filter(|id| !id.is_empty());
    ids.map(|id| {
        id.parse().map_err(|_| {
            format!("`{id}` is no Telegram id; ids are whole numbers with commas between")
        })
    })
    .collect()
}

fn read_rate(rate: &str, default: &str) -> Result<u32, String> {
    let rate = given_or(rate, default)?;
    rate.parse()
        .map_err(|_| format!("`{rate}` is no number of messages a second; write 0 for no limit"))
}

fn read_filter(filter: &str) -> Result<EnvFilter, String> {
    log_filter::parse(given_or(filter, DEFAULT_LOG)?)
}

fn read_log_format(format: &str) -> Result<LogFormat, String> {
    let format = given_or(format, DEFAULT_LOG_FORMAT)?;
    match format.to_ascii_lowercase().as_str() {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!(
            "`{format}` is no log format; write `text` or `json`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        args: ServeArgs,
    }

    fn faults(typed: &[&str]) -> Vec<String> {
        let typed =
            Typed::try_parse_from([&["serve"], typed].concat()).expect("clap takes any text");
        typed
            .args
            .settings()
            .expect_err("faults")
            .0
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn all_faults_are_reported_at_once_and_by_name() {
        let wrong = [
            "--token=nonsense",
            "--api-url=ftp://x",
            "--database-url=mysql:x",
            "--knowledge=/nowhere/at/all",
            "--send-rate=many",
            "--log-format=xml",
            "--support-chat-id=@me",
            "--webhook-listen=here",
        ];
        let found = faults(&wrong);
        for name in [
            "TELOXIDE_TOKEN",
            "TELOXIDE_API_URL",
            "DATABASE_URL",
            "KNOWLEDGE_DIR",
            "SEND_RATE",
            "LOG_FORMAT",
            "SUPPORT_CHAT_ID",
            "WEBHOOK_LISTEN",
        ] {
            assert!(
                found
                    .iter()
                    .any(|fault| fault.starts_with(&format!("{name}: "))),
                "{name} in {found:?}"
            );
        }
    }

    #[test]
    fn a_missing_token_is_one_sentence_that_also_mentions_chat() {
        let found = faults(&["--knowledge=."]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("@BotFather") && found[0].contains("unbind-bot chat"));
    }

    #[test]
    fn a_webhook_is_understood_or_its_faults_are_named() {
        let settings = |url: &str, more: &[&str]| {
            let url = format!("--webhook-url={url}");
            let typed = ["serve", "--token=1:secret", "--knowledge=.", &url];
            let typed = Typed::try_parse_from([typed.as_slice(), more].concat());
            let settings = typed.expect("clap takes any text").args.settings();
            settings.map_err(|faults| faults.to_string())
        };
        let listen = "--webhook-listen=127.0.0.1:8443";
        let good = settings("https://x.org/telegram", &[listen]).expect("good");
        assert_eq!(good.webhook.expect("a webhook").url.path(), "/telegram");
        assert!(settings("", &[]).expect("good").webhook.is_none());
        for (url, more, name) in [
            (
                "http://x.org/telegram",
                [listen].as_slice(),
                "WEBHOOK_URL: ",
            ),
            ("telegram", &[listen], "WEBHOOK_URL: "),
            ("https://x.org/:id", &[listen], "WEBHOOK_URL: "),
            ("https://x.org/1:secret", &[listen], "WEBHOOK_URL: "),
            ("https://x.org/telegram", &[], "WEBHOOK_LISTEN: "),
            (
                "https://x.org/t",
                &[listen, "--webhook-secret=ä"],
                "WEBHOOK_SECRET: ",
            ),
        ] {
            let faults = settings(url, more).expect_err(url);
            assert!(
                faults.starts_with(name) && !faults.contains("1:secret"),
                "{faults}"
            );
        }
        let own = ["--api-url=http://localhost:8081", listen];
        assert!(settings("http://x.org/telegram", &own).is_ok());
    }

    #[test]
    fn an_address_of_a_server_has_no_query_and_a_proxy_or_a_folder_is_one() {
        let token = "--token=1:secret";
        for (wrong, name) in [
            ("--api-url=http://h/?a=b", "TELOXIDE_API_URL: leave out"),
            ("--api-url=https://h/x?", "TELOXIDE_API_URL: leave out"),
            ("--api-url=http://h/#a", "TELOXIDE_API_URL: leave out"),
            ("--api-url=h:8081", "TELOXIDE_API_URL: "),
            ("--proxy=socks6://ann:secret@h", "TELOXIDE_PROXY: "),
            ("--proxy=a secret", "TELOXIDE_PROXY: "),
            ("--api-files=src", "API_FILES_DIR: "),
            ("--api-files=/nowhere/at/all", "API_FILES_DIR: "),
            ("--health-listen=localhost:8443", "HEALTH_LISTEN: "),
            ("--health-listen=:9090", "HEALTH_LISTEN: "),
            ("--health-listen=9090", "HEALTH_LISTEN: "),
        ] {
            let found = faults(&[token, "--knowledge=.", wrong]);
            assert_eq!(found.len(), 1, "{wrong}: {found:?}");
            assert!(
                found[0].starts_with(name) && !found[0].contains("secret"),
                "{found:?}"
            );
        }
        let good = [
            token,
            "--knowledge=.",
            "--api-url=http://localhost:8081/path/",
            "--proxy=socks5h://ann:secret@127.0.0.1:1080",
            "--api-files=/",
            "--health-listen=[::1]:9090",
        ];
        let typed = Typed::try_parse_from([["serve"].as_slice(), &good].concat());
        let settings = typed.expect("clap takes any text").args.settings();
        let settings = settings.expect("good settings");
        assert!(settings.proxy.is_some() && settings.api_files.is_some());
        assert!(!format!("{settings:?}").contains("secret"));
    }

    #[test]
    fn a_token_is_never_shown() {
        let token = read_token(Some("123:secret")).expect("a token");
        assert!(!format!("{token:?}").contains("secret"));
        assert!(
            !read_token(Some("my secret"))
                .expect_err("no token")
                .contains("my secret")
        );
    }

    #[test]
    fn good_settings_are_understood() {
        let typed = Typed::try_parse_from([
            "serve",
            "--token=1:a_B-c",
            "--knowledge=.",
            "--database-url=sled:/tmp/数据",
            "--send-rate-per-chat=0",
        ])
        .expect("clap takes any text");
        let settings = typed.args.settings().expect("good settings");
        assert_eq!(settings.database, Database::Sled("/tmp/数据".into()));
        assert_eq!((settings.send_rate, settings.send_rate_per_chat), (30, 0));
    }

    #[test]
    fn a_store_s_folder_is_what_was_meant_or_a_fault_says_what_to_write() {
        for (text, folder) in [
            ("", "data"),
            (" ", "data"),
            ("sled:data", "data"),
            (" sled: x ", "x"),
            ("SLED:x", "x"),
            ("sled:/srv/x", "/srv/x"),
            ("sled:///srv/x", "/srv/x"),
            ("sled:./~", "./~"),
            ("sled:a b#c", "a b#c"),
        ] {
            assert_eq!(
                read_database(text),
                Ok(Database::Sled(folder.into())),
                "{text}"
            );
        }
        for (text, says) in [
            ("sled://data", "`sled:data`"),
            ("sled://", "like `sled:data`"),
            ("sled:~/x", "`~` is replaced by shells only"),
            ("sled:~", "`~` is replaced by shells only"),
            ("sled:$HOME/x", "variables are replaced by shells only"),
            ("sled:/srv/${NAME}", "variables are replaced by shells only"),
            ("sled:\"data\"", "quotation mark"),
            ("sled:data # x", "comment"),
            ("sled:", "like `sled:data`"),
            ("sled: ", "like `sled:data`"),
            ("data", "like `sled:data`"),
            ("postgres://me:hunter2@x/y", "sled only"),
            ("mysql://me:hunter2@x/y", "like `sled:data`"),
        ] {
            let fault = read_database(text).expect_err(text);
            assert!(
                fault.contains(says) && !fault.contains("hunter2"),
                "{text}: {fault}"
            );
        }
    }

    #[test]
    fn values_are_taken_where_their_meaning_is_plain() {
        assert_eq!(read_log_format("JSON"), Ok(LogFormat::Json));
        assert_eq!(read_log_format(" Text "), Ok(LogFormat::Text));
        assert_eq!(read_ids(Some("1, 2 ,")), Ok(vec![1, 2]));
        assert_eq!(read_ids(Some(",")), Ok(Vec::new()));
        assert_eq!(read_id(Some("-1001,")), Ok(Some(-1001)));
        assert_eq!(read_rate("", "30"), Ok(30));
        assert_eq!(read_rate(" 5 ", "30"), Ok(5));
        assert!(read_ids(Some("1 2")).is_err() && read_ids(Some("1;2")).is_err());
    }
}
