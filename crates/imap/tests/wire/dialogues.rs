//! Dialogues as files: what a client says and what it must be answered. `dialogues/*.txt` are the examples of the RFCs and
//! recordings of clients (what is theirs in them: order, tags, spelling, sections asked for).
//!
//! ```text
//! == a title                  begins a dialogue: anne's BAL is as new (UIDs go on), her client is logged in
//! # text                      a remark
//! C: a1 SELECT INBOX          the client's line
//! S: * 2 EXISTS               a response that must come; those of one answer in any order, the last one last
//! S: * OK [UIDNEXT <n>]…      `…` is any text; `<n>` is a word, the same wherever it stands from then on
//! S: …                        other responses may come in this answer
//! % plain | secure            another connection, to the door with STARTTLS or under TLS; its greeting is the first response
//! % tls                       the client begins TLS
//! % closed                    the server must have closed the connection
//! % other COMMAND             another client of hers says this; OK
//! % letters FOLDER n          she has n more messages there
//! % message FOLDER …          an APPEND with these options; the message follows
//! | From: …                   its lines
//! ```
//!
//! `$TOKEN` and `$PLAIN` are anne's token, bare and for SASL PLAIN. Lines of a literal that the server sends are `S:` lines, too.
use crate::client::Client;
use crate::world::World;
use base64::Engine as _;
use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};

const SPECIAL: [&str; 6] = ["INBOX", "Sent", "Drafts", "Junk", "Trash", "Archive"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_they_were_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire/dialogues");
    let files = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path());
    let running: Vec<_> = files.map(|path| (path.clone(), tokio::spawn(play(path)))).collect();
    assert!(!running.is_empty());
    let mut wrong = Vec::new();
    for (path, run) in running {
        match run.await {
            Ok(Ok(())) => {}
            Ok(Err(what)) => wrong.push(format!("{}:{what}", path.display())),
            Err(panic) => wrong.push(format!("{}: {panic}", path.display())),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// One file on a server of its own; what went wrong, with its line.
async fn play(path: PathBuf) -> Result<(), String> {
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    // One BAL alone: the RFCs know no others.
    let w = World::with(|c| c.other_users = String::new()).await;
    let plain = base64::engine::general_purpose::STANDARD.encode(format!("\0anne\0{}", w.anne));
    let mut names = HashMap::from([("$TOKEN".to_owned(), w.anne.clone()), ("$PLAIN".to_owned(), plain)]);
    let mut other = Client::anne(&w).await;
    let mut client = Client::anne(&w).await;
    // Heard and not read yet: the greeting.
    let mut waiting = VecDeque::new();
    let mut at = 0;
    let mut title = "";
    while at < lines.len() {
        let (line, number) = (lines[at], at + 1);
        let wrong = |what: String| format!("{number}: ({title}) {what}");
        at += 1;
        if let Some(said) = line.strip_prefix("C:") {
            let said = filled(said.strip_prefix(' ').unwrap_or(said), &names);
            client.send(format!("{said}\r\n")).await;
        } else if line.starts_with("S:") {
            let mut wanted = Vec::new();
            at -= 1;
            while at < lines.len() && lines[at].starts_with("S:") {
                wanted.push(response(&lines, &mut at));
            }
            hear(&mut client, &mut waiting, wanted, &mut names).await.map_err(wrong)?;
        } else if let Some(new) = line.strip_prefix("== ") {
            title = new;
            clean(&mut other).await;
            names.retain(|name, _| name.starts_with('$'));
            client = Client::anne(&w).await;
        } else if let Some(what) = line.strip_prefix("% ") {
            let (word, rest) = what.split_once(' ').unwrap_or((what, ""));
            match word {
                "plain" | "secure" => {
                    client = if word == "plain" { Client::plain(w.imap).await } else { Client::secure(&w).await };
                    waiting.push_back(client.greeting.clone());
                }
                "tls" => client.handshake().await,
                "closed" => {
                    if let Some(more) = client.response().await {
                        return Err(wrong(format!("not closed: {more}")));
                    }
                }
                "other" => {
                    other.ok(&filled(rest, &names)).await;
                }
                "letters" => {
                    let (folder, count) = rest.split_once(' ').unwrap();
                    for i in 1..=count.parse::<u32>().unwrap() {
                        other.append(folder, "", &crate::client::letter(&format!("Lettre-{i}"))).await;
                    }
                }
                "message" => {
                    let (folder, options) =
                        rest.split_once(' ').map_or((rest, String::new()), |(f, o)| (f, format!("{o} ")));
                    let mut message = String::new();
                    while let Some(line) = lines.get(at).and_then(|l| l.strip_prefix('|')) {
                        message.push_str(line.strip_prefix(' ').unwrap_or(line));
                        message.push('\n');
                        at += 1;
                    }
                    other.append(folder, &options, &message).await;
                }
                _ => return Err(wrong(format!("not understood: {line}"))),
            }
        } else if !line.is_empty() && !line.starts_with('#') {
            return Err(wrong(format!("not understood: {line}")));
        }
    }
    Ok(())
}

/// The BAL as new.
async fn clean(other: &mut Client) {
    for folder in SPECIAL {
        other.ok(&format!("SELECT {folder}")).await;
        if !other.ok("SEARCH ALL").await[0].trim_end().ends_with("SEARCH") {
            other.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)").await;
        }
        other.ok("CLOSE").await;
        other.ok(&format!("SUBSCRIBE {folder}")).await;
    }
    let mut listed: Vec<String> = other.ok("LIST \"\" *").await;
    listed.retain(|l| l.starts_with("* LIST"));
    // Children first.
    for line in listed.iter().rev() {
        let name = line.split(" \"/\" ").nth(1).unwrap();
        // Other BALs are nobody's to clean.
        let own = !name.starts_with("\"Autres BAL");
        if own && !SPECIAL.contains(&name.trim_matches('"')) {
            other.ok(&format!("DELETE {name}")).await;
        }
    }
}

/// An expected response: its line, and the lines of the literals that it announces.
fn response(lines: &[&str], at: &mut usize) -> String {
    let mut next = || {
        let line = lines.get(*at).and_then(|l| l.strip_prefix("S:")).unwrap_or_default();
        *at += 1;
        line.strip_prefix(' ').unwrap_or(line).to_owned()
    };
    let mut all = next();
    while let Some(size) = all.rsplit_once('{').and_then(|(_, n)| n.strip_suffix('}')?.parse::<usize>().ok()) {
        let end = all.len() + 2 + size;
        while all.len() < end {
            all.push_str("\r\n");
            all.push_str(&next());
        }
    }
    all
}

/// Reads responses until the last one that is wanted came.
async fn hear(
    client: &mut Client,
    waiting: &mut VecDeque<String>,
    mut wanted: Vec<String>,
    names: &mut HashMap<String, String>,
) -> Result<(), String> {
    let others = wanted.iter().position(|w| w == "…").map(|i| wanted.remove(i)).is_some();
    let last = wanted.pop().unwrap_or_default();
    loop {
        let heard = match waiting.pop_front() {
            Some(heard) => heard,
            None => client.response().await.ok_or_else(|| format!("closed, instead of {last}"))?,
        };
        if let Some(i) = wanted.iter().position(|w| matches(w, &heard, names)) {
            wanted.remove(i);
            continue;
        }
        if matches(&last, &heard, names) {
            return if wanted.is_empty() { Ok(()) } else { Err(format!("not heard before {heard}: {wanted:#?}")) };
        }
        if !others || !heard.starts_with("* ") {
            return Err(format!("heard {heard}\nwanted {wanted:#?}\nand then {last}"));
        }
    }
}

/// Names put in.
fn filled(text: &str, names: &HashMap<String, String>) -> String {
    names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// Does the response match? Names that stand for words are learnt when it does.
fn matches(wanted: &str, heard: &str, names: &mut HashMap<String, String>) -> bool {
    let mut learnt = Vec::new();
    let found = part(wanted, heard, names, &mut learnt);
    if found {
        names.extend(learnt);
    }
    found
}

fn part(wanted: &str, heard: &str, names: &HashMap<String, String>, learnt: &mut Vec<(String, String)>) -> bool {
    let (mut wanted, mut heard) = (wanted, heard);
    loop {
        if let Some(rest) = wanted.strip_prefix('…') {
            let before = learnt.len();
            return rest.is_empty()
                || heard.char_indices().any(|(i, _)| {
                    learnt.truncate(before);
                    part(rest, &heard[i..], names, learnt)
                });
        }
        if let Some((name, rest)) = name(wanted) {
            let known = names.get(name).or_else(|| learnt.iter().find(|(n, _)| n == name).map(|(_, v)| v)).cloned();
            let value = known.unwrap_or_else(|| {
                let end = heard.find([' ', ')', ']', ':', ',', '\r']).unwrap_or(heard.len());
                learnt.push((name.to_owned(), heard[..end].to_owned()));
                heard[..end].to_owned()
            });
            match heard.strip_prefix(value.as_str()) {
                Some(left) if !value.is_empty() => (wanted, heard) = (rest, left),
                _ => return false,
            }
            continue;
        }
        match (wanted.chars().next(), heard.chars().next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a == b => (wanted, heard) = (&wanted[a.len_utf8()..], &heard[a.len_utf8()..]),
            _ => return false,
        }
    }
}

/// `<n>` at the beginning: lower-case letters and digits between angles.
fn name(text: &str) -> Option<(&str, &str)> {
    let end = text.strip_prefix('<')?.find('>')? + 2;
    let inner = &text[1..end - 1];
    let word =
        !inner.is_empty() && inner.len() <= 6 && inner.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    // `BODY[]<0>` is the protocol's own.
    (word && inner.starts_with(|c: char| c.is_ascii_lowercase())).then(|| (&text[..end], &text[end..]))
}

#[test]
fn what_differs_is_seen() {
    let mut names = HashMap::new();
    assert!(matches("* OK [UIDNEXT <n>]…", "* OK [UIDNEXT 17] Next", &mut names));
    assert_eq!(names["<n>"], "17");
    assert!(matches("* 1 FETCH (UID <n> …)", "* 1 FETCH (UID 17 FLAGS ())", &mut names));
    for (wanted, heard) in [
        ("* 1 FETCH (UID <n>)", "* 1 FETCH (UID 18)"),
        ("* 1 EXISTS", "* 2 EXISTS"),
        ("* 1 EXISTS", "* 1 EXISTS "),
        ("a OK…[X]", "a OK [X] more"),
    ] {
        assert!(!matches(wanted, heard, &mut names), "{wanted} {heard}");
    }
    let lines = ["S: * 1 FETCH (BODY[] {6}", "S: ab", "S:", "S:  BODY[1] {5}", "S: ab", "S: c)", "S: a OK"];
    let mut at = 0;
    assert_eq!(response(&lines, &mut at), "* 1 FETCH (BODY[] {6}\r\nab\r\n\r\n BODY[1] {5}\r\nab\r\nc)");
    assert_eq!(at, 6);
}
