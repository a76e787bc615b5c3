use std::io::Read;

use imap_codec::ResponseCodec;
use imap_codec::decode::Decoder;
use imap_codec::imap_types::fetch::MessageDataItem;
use imap_codec::imap_types::response::{Data, Response, Status};

use super::super::{Options, Sandbox};
use super::Client;

/// Reads all the rest and decodes it with the codec, which did not write it.
fn decoded(client: &mut Client) -> Vec<Response<'static>> {
    let mut bytes = Vec::new();
    client.stream.read_to_end(&mut bytes).unwrap();
    let mut rest = bytes.as_slice();
    let mut responses = Vec::new();
    while !rest.is_empty() {
        let shown = String::from_utf8_lossy(rest.get(..300.min(rest.len())).unwrap()).into_owned();
        let (next, response) =
            ResponseCodec::new().decode_static(rest).map_err(|e| format!("{e:?}: {shown}")).unwrap();
        responses.push(response);
        rest = next;
    }
    responses
}

#[test]
fn another_parser_understands_all_of_the_sample_mail() {
    let sandbox = Sandbox::start(Options { sample: true, ..Options::default() }).unwrap();
    let mut client = Client::login(&sandbox);
    let mailboxes = sandbox.mailboxes("jo");
    let mut expected = 0;
    client.send("a LIST \"\" * RETURN (SPECIAL-USE SUBSCRIBED)\r\nb LSUB \"\" *\r\n");
    for (name, messages) in &mailboxes {
        let name = name.text();
        let items = "UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE BODY.PEEK[] BODY.PEEK[1] \
            BODY.PEEK[1.MIME] BODY.PEEK[HEADER.FIELDS (DATE \"X Y\")]<0.40>";
        client.send(&format!("c STATUS {name} (MESSAGES UNSEEN UIDNEXT)\r\nd EXAMINE {name}\r\n"));
        client.send("e UID SEARCH SUBJECT e\r\nf UID SEARCH NOT SUBJECT e\r\n");
        client.send(&format!("g FETCH 1:* ({items})\r\n"));
        expected += messages.len();
    }
    client.send("z LOGOUT\r\n");
    let responses = decoded(&mut client);
    let (mut fetched, mut searched) = (0, 0);
    for response in &responses {
        match response {
            Response::Data(Data::Fetch { items, .. }) => {
                fetched += 1;
                let size = items.as_ref().iter().find_map(|item| match item {
                    MessageDataItem::Rfc822Size(size) => Some(*size as usize),
                    _ => None,
                });
                let whole = items.as_ref().iter().find_map(|item| match item {
                    MessageDataItem::BodyExt { section: None, data, .. } => data.clone().into_option(),
                    _ => None,
                });
                assert_eq!(size, whole.map(|data| data.len()));
            }
            Response::Data(Data::Search(uids, ..)) => searched += uids.len(),
            Response::Status(Status::Tagged(tagged)) => {
                assert!(tagged.tag.inner() != "x" && format!("{tagged:?}").contains("Ok"), "{tagged:?}");
            }
            _ => {}
        }
    }
    assert_eq!(fetched, expected);
    assert_eq!(searched, expected);
}
