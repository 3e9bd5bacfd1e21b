//! What a question is made of once it is read.
use crate::field::Fields;

/// A question, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    /// Every message.
    All,
    /// None.
    Nothing,
    /// Words in fields.
    Text(Fields, What),
    /// All of these.
    And(Vec<Node>),
    /// One of these at least.
    Or(Vec<Node>),
    /// Not this.
    Not(Box<Node>),
    /// Dated from the first (included) to the second (excluded), milliseconds since 1970.
    Date(Option<i64>, Option<i64>),
    /// Larger than the first, smaller than the second, bytes.
    Size(Option<u64>, Option<u64>),
    /// With an attachment.
    Attached,
}

/// A word, in both its forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Form {
    pub exact: String,
    pub stem: String,
}

/// What is looked for in a field. In prose words are compared by their stems, in names and within quotes by their exact forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// A word.
    Word(Form),
    /// Words that stand one after the other, written as one (`mg/kg`, `12/8`). Two at least.
    Near(Vec<Form>),
    /// A token exactly: an address, a date, a quoted word, the mark of a kind of file.
    Exact(String),
    /// Tokens one after the other, exactly. Two at least.
    Phrase(Vec<String>),
    /// A token that begins so.
    Prefix(String),
    /// Tokens one after the other, then one that begins so. One token at least before it.
    PhrasePrefix(Vec<String>, String),
}

impl Node {
    /// All of these; flat, without what says nothing.
    pub(crate) fn and(nodes: Vec<Node>) -> Node {
        let mut flat = Vec::with_capacity(nodes.len());
        for node in nodes {
            match node {
                Node::All => {}
                Node::And(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        if flat.contains(&Node::Nothing) {
            return Node::Nothing;
        }
        match flat.len() {
            0 => Node::All,
            1 => flat.remove(0),
            _ => Node::And(flat),
        }
    }

    /// One of these; flat.
    pub(crate) fn or(nodes: Vec<Node>) -> Node {
        let mut flat = Vec::with_capacity(nodes.len());
        for node in nodes {
            match node {
                Node::Nothing => {}
                Node::Or(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        if flat.contains(&Node::All) {
            return Node::All;
        }
        match flat.len() {
            0 => Node::Nothing,
            1 => flat.remove(0),
            _ => Node::Or(flat),
        }
    }

    /// Not this.
    pub(crate) fn not(node: Node) -> Node {
        match node {
            Node::All => Node::Nothing,
            Node::Nothing => Node::All,
            Node::Not(inner) => *inner,
            other => Node::Not(Box::new(other)),
        }
    }

    /// Leaves.
    pub(crate) fn size(&self) -> usize {
        match self {
            Node::And(nodes) | Node::Or(nodes) => nodes.iter().map(Node::size).sum(),
            Node::Not(node) => node.size(),
            _ => 1,
        }
    }

    /// Calls `each` with what is looked for (not what must be absent).
    pub(crate) fn wanted<'a>(&'a self, each: &mut dyn FnMut(Fields, &'a What)) {
        match self {
            Node::Text(fields, what) => each(*fields, what),
            Node::And(nodes) | Node::Or(nodes) => nodes.iter().for_each(|n| n.wanted(each)),
            _ => {}
        }
    }
}
