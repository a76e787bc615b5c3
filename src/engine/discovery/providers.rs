use super::Place;

/// A large provider: the domains of its addresses, the ends of the names that take their mail, and its server (implicit
/// TLS).
type Provider = (&'static [&'static str], &'static [&'static str], &'static str);

const PROVIDERS: [Provider; 20] = [
    (&["gmail.com", "googlemail.com"], &["google.com", "googlemail.com"], "imap.gmail.com"),
    (
        &["outlook.com", "hotmail.com", "live.com", "msn.com"],
        &["protection.outlook.com", "outlook.com"],
        "outlook.office365.com",
    ),
    (&["yahoo.com", "yahoo.co.uk", "yahoo.de", "ymail.com"], &["yahoodns.net"], "imap.mail.yahoo.com"),
    (&["aol.com"], &[], "imap.aol.com"),
    (&["icloud.com", "me.com", "mac.com"], &["icloud.com"], "imap.mail.me.com"),
    (&["fastmail.com", "fastmail.fm"], &["messagingengine.com"], "imap.fastmail.com"),
    (&["gmx.net", "gmx.de", "gmx.at", "gmx.ch"], &[], "imap.gmx.net"),
    (&["gmx.com"], &[], "imap.gmx.com"),
    (&["web.de"], &[], "imap.web.de"),
    (&["mailbox.org"], &["mailbox.org"], "imap.mailbox.org"),
    (&["posteo.de", "posteo.net", "posteo.org"], &["posteo.de"], "posteo.de"),
    (&["t-online.de", "magenta.de"], &[], "secureimap.t-online.de"),
    (&["zoho.com", "zohomail.com"], &["zoho.com"], "imap.zoho.com"),
    (&["zoho.eu", "zohomail.eu"], &["zoho.eu"], "imap.zoho.eu"),
    (&["yandex.ru", "yandex.com", "ya.ru"], &["yandex.ru", "yandex.net"], "imap.yandex.com"),
    (&["mail.ru", "inbox.ru", "bk.ru", "list.ru"], &["mail.ru"], "imap.mail.ru"),
    (&["orange.fr", "wanadoo.fr"], &[], "imap.orange.fr"),
    (&["free.fr"], &[], "imap.free.fr"),
    (&["runbox.com"], &["runbox.com"], "mail.runbox.com"),
    (&["migadu.com"], &["migadu.com"], "imap.migadu.com"),
];

fn is_within(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|before| before.ends_with('.'))
}

/// Gives the server of the provider that an address's domain belongs to.
pub(super) fn of_domain(domain: &str) -> Option<Place> {
    let (.., host) = PROVIDERS.iter().find(|(domains, ..)| domains.contains(&domain))?;
    Some(Place { host: (*host).to_owned(), port: 993 })
}

/// Gives the server of the provider that takes a domain's mail.
pub(super) fn of_exchange(exchange: &str) -> Option<Place> {
    let is_its = |(_, ends, _): &&Provider| ends.iter().any(|end| is_within(exchange, end));
    let (.., host) = PROVIDERS.iter().find(is_its)?;
    Some(Place { host: (*host).to_owned(), port: 993 })
}

/// Says what a provider's server wants that its users may not know.
pub(super) fn advice(host: &str) -> Option<&'static str> {
    Some(match host {
        "imap.gmail.com" => {
            "Google takes no password of the account itself, but an app password (myaccount.google.com/apppasswords), or `oauth2`"
        }
        "outlook.office365.com" => {
            "Microsoft takes no passwords: describe the account in the accounts file, with `oauth2`, and use `imapscript oauth login`"
        }
        "imap.mail.yahoo.com"
        | "imap.aol.com"
        | "imap.mail.me.com"
        | "imap.fastmail.com"
        | "imap.yandex.com"
        | "imap.mail.ru" => "this provider takes an app password, which is made in the settings on its pages",
        "imap.gmx.net" | "imap.gmx.com" | "imap.web.de" => {
            "this provider lets nobody in by IMAP before it is switched on in the settings on its pages"
        }
        _ => return None,
    })
}

/// Tells whether a host is one of a domain's own.
pub(super) fn is_own(host: &str, domain: &str) -> bool {
    is_within(host, domain) || of_domain(domain).is_some_and(|place| place.host == host)
}

#[cfg(test)]
mod tests {
    use super::{Place, advice, is_own, of_domain, of_exchange};

    #[test]
    fn providers_are_known_by_their_domains_and_by_who_takes_mail() {
        let at = |host: &str| Some(Place { host: host.to_owned(), port: 993 });
        assert_eq!(of_domain("gmail.com"), at("imap.gmail.com"));
        assert_eq!(of_exchange("aspmx.l.google.com"), at("imap.gmail.com"));
        assert_eq!(of_exchange("x.mail.protection.outlook.com"), at("outlook.office365.com"));
        assert_eq!(of_exchange("notgoogle.com"), None);
        assert_eq!(of_domain("example.org"), None);
    }

    #[test]
    fn who_has_wishes_is_among_the_known() {
        for domain in ["gmail.com", "outlook.com", "ymail.com", "icloud.com", "gmx.at", "web.de", "mail.ru"] {
            assert!(of_domain(domain).is_some_and(|place| advice(&place.host).is_some()), "{domain}");
        }
        assert_eq!(advice("imap.example.org"), None);
    }

    #[test]
    fn a_host_is_a_domains_own_beneath_it_and_nowhere_else() {
        assert!(is_own("imap.example.org", "example.org"));
        assert!(is_own("example.org", "example.org"));
        assert!(is_own("imap.mail.me.com", "icloud.com"));
        for foreign in ["badexample.org", "example.org.evil.net", "imap.gmail.com", "org"] {
            assert!(!is_own(foreign, "example.org"), "{foreign}");
        }
    }
}
