//! Which proxy leads to the Bot API server: the one that is set for the bot, or the environment's.

use std::{env, fmt};

use hyper_util::client::proxy::matcher::Matcher;
use url::{Host, Url};

use super::error::NoClient;

/// The setting for this bot alone.
const SETTING: &str = "TELOXIDE_PROXY";

/// The address of a proxy. It may contain a password, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyAddress(String);

impl fmt::Debug for ProxyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxyAddress(…)")
    }
}

impl ProxyAddress {
    /// An address such as `socks5h://127.0.0.1:1080`; `None` if it is none of a proxy that can be used.
    pub fn parse(text: &str) -> Option<Self> {
        let address = Self(text.trim().to_owned());
        without_password(&address.0)?;
        reqwest::Proxy::all(&address.0).ok()?;
        Some(address)
    }
}

/// The proxy that is used, and the variable that names it. Shown without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    address: ProxyAddress,
    variable: &'static str,
    shown: String,
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.shown, self.variable)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Proxy {
    /// The proxy for the server at `api`, if there is one.
    ///
    /// # Errors
    /// The environment names a proxy that cannot be used.
    pub fn from_env(api: &Url, setting: Option<&ProxyAddress>) -> Result<Option<Self>, NoClient> {
        choose(api, setting, |name| env::var(name).ok())
    }

    /// # Errors
    /// The address cannot be used.
    pub fn for_client(&self) -> reqwest::Result<reqwest::Proxy> {
        reqwest::Proxy::all(&self.address.0)
    }
}

/// As curl does it: the setting or, without one, the variable for the scheme, or that for all; and none for a server that
/// `NO_PROXY` names. A server on this machine is not looked for behind a proxy of the environment, which is meant for
/// what is outside.
fn choose(
    api: &Url,
    setting: Option<&ProxyAddress>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Proxy>, NoClient> {
    let first_of = |names: &[&'static str]| {
        let set = names
            .iter()
            .filter_map(|name| Some((*name, variable(name)?)));
        let mut set = set.filter(|(_, value)| !value.trim().is_empty());
        set.next()
    };
    let named = match setting {
        Some(setting) => Some((SETTING, setting.0.clone())),
        None if is_this_machine(api) => None,
        None => first_of(variables(api.scheme())),
    };
    let excluded = first_of(&["NO_PROXY", "no_proxy"]).map(|(_, value)| value);
    let Some((variable, address)) = named.filter(|_| !is_excluded(api, excluded)) else {
        return Ok(None);
    };
    let unusable = NoClient::Proxy { variable };
    let address = ProxyAddress::parse(&address).ok_or(unusable)?;
    let shown = without_password(&address.0).unwrap_or_default();
    Ok(Some(Proxy {
        address,
        variable,
        shown,
    }))
}

/// The variables that name a proxy for this scheme; the first that is set counts.
fn variables(scheme: &str) -> &'static [&'static str] {
    match scheme {
        "https" => &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
        _ => &["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"],
    }
}

fn is_this_machine(api: &Url) -> bool {
    match api.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
        Some(Host::Ipv6(address)) => {
            address.to_canonical().is_loopback() || address.is_unspecified()
        }
        None => false,
    }
}

/// Whether `NO_PROXY` excludes this server.
fn is_excluded(api: &Url, excluded: Option<String>) -> bool {
    const ANY: &str = "http://proxy.invalid";
    let Ok(api) = api.as_str().parse() else {
        return false;
    };
    let matcher = Matcher::builder().all(ANY).no(excluded.unwrap_or_default());
    matcher.build().intercept(&api).is_none()
}

/// The proxy's scheme, host and port; `None` if it cannot be used.
fn without_password(address: &str) -> Option<String> {
    let anywhere = hyper::Uri::from_static("https://anywhere.invalid");
    let matcher = Matcher::builder().all(address).build();
    let shown = matcher.intercept(&anywhere)?.uri().to_string();
    Some(shown.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TELEGRAM: &str = "https://api.telegram.org";

    /// The proxy as it is shown, with this setting and environment.
    fn chosen(api: &str, setting: &str, env: &[(&str, &str)]) -> Result<Option<String>, String> {
        let api = api.parse().expect("an address");
        let setting = ProxyAddress::parse(setting);
        let variable = |name: &str| {
            let value = env.iter().find(|(set, _)| *set == name);
            value.map(|(_, value)| (*value).to_owned())
        };
        let chosen = choose(&api, setting.as_ref(), variable);
        let chosen = chosen.map_err(|error| error.to_string())?;
        Ok(chosen.map(|proxy| format!("{proxy} {proxy:?}")))
    }

    fn shown(address: &str, variable: &str) -> Result<Option<String>, String> {
        Ok(Some(format!(
            "{address} ({variable}) {address} ({variable})"
        )))
    }

    #[test]
    fn the_proxy_of_the_environment_is_used_and_named_without_its_password() {
        for (env, variable, address) in [
            (
                [("ALL_PROXY", "socks5://ann:secret@127.0.0.1:7890")],
                "ALL_PROXY",
                "socks5://127.0.0.1:7890",
            ),
            (
                [("https_proxy", "http://ann:secret@proxy:8080/")],
                "https_proxy",
                "http://proxy:8080",
            ),
            (
                [("HTTPS_PROXY", "proxy.example:3128")],
                "HTTPS_PROXY",
                "http://proxy.example:3128",
            ),
            (
                [("all_proxy", "socks5h://[::1]:1080")],
                "all_proxy",
                "socks5h://[::1]:1080",
            ),
        ] {
            assert_eq!(chosen(TELEGRAM, "", &env), shown(address, variable));
        }
        assert_eq!(
            chosen(TELEGRAM, "", &[("HTTP_PROXY", "http://p:1")]),
            Ok(None)
        );
        let both = [
            ("ALL_PROXY", "http://all:1"),
            ("HTTPS_PROXY", "http://https:1"),
        ];
        assert_eq!(
            chosen(TELEGRAM, "", &both),
            shown("http://https:1", "HTTPS_PROXY")
        );
        let empty = [("HTTPS_PROXY", " "), ("ALL_PROXY", "http://all:1")];
        assert_eq!(
            chosen(TELEGRAM, "", &empty),
            shown("http://all:1", "ALL_PROXY")
        );
    }

    #[test]
    fn the_setting_goes_before_the_environment() {
        let env = [("HTTPS_PROXY", "http://p:1")];
        assert_eq!(
            chosen(TELEGRAM, "socks5h://ann:secret@127.0.0.1:1", &env),
            shown("socks5h://127.0.0.1:1", SETTING)
        );
    }

    #[test]
    fn a_server_on_this_machine_is_reached_directly_unless_the_setting_says_otherwise() {
        let env = [("ALL_PROXY", "http://p:1"), ("HTTP_PROXY", "http://p:1")];
        for api in [
            "http://localhost:8081",
            "http://127.0.0.1:8081",
            "http://127.9.9.9",
            "http://[::1]:8081",
            "http://[::ffff:127.0.0.1]:8081",
            "http://0.0.0.0:8081",
            "http://bot-api.localhost",
            "https://localhost",
        ] {
            assert_eq!(chosen(api, "", &env), Ok(None), "{api}");
            assert_eq!(
                chosen(api, "http://q:2", &env),
                shown("http://q:2", SETTING)
            );
        }
        assert_eq!(
            chosen("http://bot-api:8081", "", &env),
            shown("http://p:1", "HTTP_PROXY")
        );
    }

    #[test]
    fn no_proxy_is_honoured() {
        for (excluded, is_direct) in [
            ("api.telegram.org", true),
            (".telegram.org", true),
            ("telegram.org, other", true),
            ("*", true),
            ("example.org", false),
            ("", false),
        ] {
            for name in ["NO_PROXY", "no_proxy"] {
                let env = [("ALL_PROXY", "http://p:1"), (name, excluded)];
                let found = chosen(TELEGRAM, "", &env).expect("a choice");
                assert_eq!(found.is_none(), is_direct, "{excluded}");
            }
        }
        let env = [("HTTP_PROXY", "http://p:1"), ("no_proxy", "10.0.0.0/8")];
        assert_eq!(chosen("http://10.1.2.3:8081", "", &env), Ok(None));
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_refused_by_name_and_not_shown() {
        for address in [
            "socks6://ann:secret@h:1",
            "ftp://secret",
            "secret secret",
            "://secret",
        ] {
            let fault = chosen(TELEGRAM, "", &[("ALL_PROXY", address)]).expect_err(address);
            assert!(
                fault.starts_with("ALL_PROXY: ") && !fault.contains("secret"),
                "{fault}"
            );
            assert_eq!(ProxyAddress::parse(address), None);
        }
        let address = ProxyAddress::parse("http://ann:secret@h:1").expect("an address");
        assert!(!format!("{address:?}").contains("secret"));
    }
}
