//! Numbers of nodes over one PostgreSQL database: listed, given, and never held by two living processes.
use sceau_e2e::sandbox::{self, More};
use sceau_e2e::schema::assert_fits;
use sceau_e2e::{Database, Run, Sandbox, proves};

#[test]
fn a_second_process_with_a_living_node_s_number_is_refused_in_plain_words() {
    let _proof = proves(&["F263", "F121", "F151"], "cli");
    let database = Database::start();
    let arguments = ["--store", &database.url()].map(str::to_owned).to_vec();
    let sandbox = Sandbox::start_more(More { arguments, variables: Vec::new(), letters: false });
    let o = sandbox.a();
    // The very same node once more: it says why it does not start, and the living one goes on.
    for (lang, words) in [("fr", "Un autre processus a déjà le numéro"), ("en", "Another process has the number")] {
        let run = o.cli_text(&["--lang", lang, "serve", "--stop-with-stdin"]);
        assert_eq!(run.code, 1, "{run:?}");
        assert!(run.err.contains(words), "{run:?}");
    }
    let nodes = o.cli(&["node", "list"]);
    assert_fits("nodes", &nodes);
    let nodes = nodes.as_array().expect("a list");
    assert_eq!((nodes.len(), &nodes[0]["alive"], &nodes[0]["here"]), (1, &true.into(), &true.into()), "{nodes:?}");
    // Another node with the same private key: refused before it opens anything, with what to do (EX_SSI_5100).
    let text = std::fs::read_to_string(&o.config).expect("configuration");
    let copy = o.config.with_file_name("autre-noeud.toml");
    let other = text
        .replace(&format!("node = {}", nodes[0]["number"]), "node = 9")
        .replace("hostname = \"", "hostname = \"neuf.");
    let spools = other.lines().find(|l| l.starts_with("spools = ")).expect("spools").to_owned();
    std::fs::write(&copy, other.replace(&spools, "spools = \"spools-9\"")).expect("configuration");
    let run = Run::of(
        sandbox::sceau().to_str().expect("UTF-8"),
        &["--config", copy.to_str().expect("UTF-8"), "--lang", "fr", "serve", "--stop-with-stdin"],
    );
    assert!(run.code == 1 && run.err.contains("Une clé, une machine"), "{run:?}");
    let alarm = o.alarm("certificate.key_elsewhere").expect("an alarm");
    assert!(alarm["severity"] == "critical" && alarm["subject"] == "9", "{alarm}");
    // A number for a node that is to come; that of the living one is not given away.
    let added = o.cli(&["node", "add", "7", "mss7.example.fr"]);
    assert_fits("node", &added);
    assert_eq!((&added["number"], &added["alive"]), (&7.into(), &false.into()), "{added}");
    let taken = o.cli_text(&["node", "add", &nodes[0]["number"].to_string(), "autre.example.fr"]);
    assert_eq!(taken.code, 1, "{taken:?}");
    assert!(taken.err.contains("[admin.exists]"), "{taken:?}");
    assert_eq!(o.cli_text(&["node", "add", "1008", "x"]).code, 2);
    assert_eq!(o.cli(&["trace", "list", "--act", "node"]).as_array().map(Vec::len), Some(1));
    let table = o.cli_text(&["--lang", "fr", "node", "list"]).ok().out;
    assert!(table.contains("EN VIE") && table.contains("mss7.example.fr"), "{table}");
}
