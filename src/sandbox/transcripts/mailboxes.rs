use super::{Client, sandbox};

#[test]
fn mailboxes_come_and_go() {
    let sandbox = sandbox(&[]);
    let mut client = Client::login(&sandbox);
    client.talk(
        "C: a LIST \"\" \"\"
         S: * LIST (\\Noselect) \"/\" \"\"
         S: a OK Listed
         C: b CREATE Family/Photos
         S: b OK Created
         C: c LIST \"\" %
         S: * LIST (\\Noselect \\HasChildren) \"/\" Family
         S: * LIST (\\HasNoChildren) \"/\" INBOX
         S: c OK Listed
         C: d CREATE family/photos
         S: d OK Created
         C: e CREATE inbox
         S: e NO [ALREADYEXISTS] …
         C: f SUBSCRIBE Family/Photos
         S: f OK Subscribed
         C: g LSUB \"\" %
         S: * LSUB (\\Noselect) \"/\" Family
         S: * LSUB () \"/\" INBOX
         S: g OK Listed
         C: h RENAME Family Clan
         S: h OK Renamed
         C: i LIST (SUBSCRIBED) \"\" (Fam* INB%) RETURN (CHILDREN)
         S: * LIST (\\NonExistent \\Subscribed \\HasNoChildren) \"/\" Family/Photos
         S: * LIST (\\Subscribed \\HasNoChildren) \"/\" INBOX
         S: i OK Listed
         C: j LIST \"\" Clan/* RETURN (SUBSCRIBED)
         S: * LIST (\\HasNoChildren) \"/\" Clan/Photos
         S: j OK Listed
         C: k DELETE INBOX
         S: k NO [CANNOT] …
         C: l RENAME INBOX x
         S: l NO [CANNOT] …
         C: m STATUS Clan/Photos (MESSAGES UIDNEXT UIDVALIDITY UNSEEN RECENT)
         S: * STATUS Clan/Photos (MESSAGES 0 UIDNEXT 1 UIDVALIDITY … UNSEEN 0 RECENT 0)
         S: m OK Status told
         C: n STATUS Nope (MESSAGES)
         S: n NO [NONEXISTENT] …
         C: o NAMESPACE
         S: * NAMESPACE ((\"\" \"/\")) NIL NIL
         S: o OK Namespaces told
         C: p ENABLE CONDSTORE
         S: * ENABLED
         S: p OK …
         C: q ID NIL
         S: * ID (\"name\" \"imapscript sandbox\" …)
         S: q OK …",
    );
}
