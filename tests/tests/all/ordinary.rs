//! Ordinary mail, outside the espace de confiance: a relay that tells what it took, and the links that came in it.
use sceau_e2e::{Run, Sandbox};
use sceau_testkit::relay::unfolded;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// What a relay took.
pub(crate) struct Mail {
    /// The reverse path.
    pub(crate) back: String,
    pub(crate) text: String,
}

/// A relay, and what it takes.
pub(crate) fn relay() -> (SocketAddr, Receiver<Mail>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let (at, (took, taken)) = (listener.local_addr().expect("an address"), channel());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that goes away ends its own session alone.
            let _ = serve(stream, &took);
        }
    });
    (at, taken)
}

fn serve(stream: TcpStream, took: &Sender<Mail>) -> std::io::Result<()> {
    let (mut lines, mut out) = (BufReader::new(stream.try_clone()?), stream);
    let (mut line, mut back) = (String::new(), String::new());
    out.write_all(b"220 relais\r\n")?;
    while lines.read_line(&mut line)? > 0 {
        let answer = match line.get(..4).unwrap_or_default().to_ascii_uppercase().as_str() {
            "MAIL" => {
                back = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                "250 oui"
            }
            "DATA" => {
                out.write_all(b"354 oui\r\n")?;
                let mut text = String::new();
                while !text.ends_with("\r\n.\r\n") && lines.read_line(&mut text)? > 0 {}
                let _ = took.send(Mail { back: back.clone(), text: unfolded(&text) });
                "250 pris"
            }
            "QUIT" => "221 adieu",
            _ => "250 oui",
        };
        out.write_all(format!("{answer}\r\n").as_bytes())?;
        line.clear();
    }
    Ok(())
}

/// The next mail.
pub(crate) fn next(taken: &Receiver<Mail>) -> Mail {
    taken.recv_timeout(Duration::from_secs(60)).expect("a mail")
}

impl Mail {
    /// The path of the link to this page.
    pub(crate) fn link(&self, page: &str) -> String {
        assert!(self.text.contains("Sous-traitants"), "who processes stands under each notice: {}", self.text);
        let start = self.text.find(page).unwrap_or_else(|| panic!("no {page} in {}", self.text));
        self.text[start..].split_whitespace().next().unwrap_or_default().to_owned()
    }
}

/// Asks the first operator for the page of a link.
pub(crate) fn ask(sandbox: &Sandbox, method: &str, path: &str) -> Run {
    let url = format!("https://{}{path}", sandbox.a().endpoints.https);
    let args = ["-sS", "--fail-with-body", "--max-time", "60", "--cacert", sandbox.anchors(), "-X", method, &url];
    Run::of("curl", &args)
}

/// Looks at the page of a link, presses its button, and gives what it says then.
pub(crate) fn press(sandbox: &Sandbox, path: &str) -> String {
    let _ = ask(sandbox, "GET", path).ok();
    ask(sandbox, "POST", path).ok().out
}
