//! The fields of a message that can be asked for by name, and their tokens.
use crate::TextRecord;
use crate::analysis::{Style, Tokens};

/// A field of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// From, Sender, Reply-To.
    From,
    /// To, Cc, Bcc.
    To,
    /// Subject.
    Subject,
    /// Text of the body.
    Body,
    /// Names and texts of attachments.
    Attachment,
}

impl Field {
    /// All of them, in the order of their number.
    pub(crate) const ALL: [Field; 5] = [Field::From, Field::To, Field::Subject, Field::Body, Field::Attachment];

    pub(crate) fn number(self) -> usize {
        self as usize
    }

    pub(crate) fn style(self) -> Style {
        match self {
            Field::From | Field::To => Style::Names,
            Field::Subject | Field::Body | Field::Attachment => Style::Prose,
        }
    }

    /// Its tokens in a message.
    pub(crate) fn tokens(self, record: &TextRecord) -> Tokens {
        let mut tokens = Tokens::new(self.style());
        match self {
            Field::From => record.from.iter().for_each(|v| tokens.add(v)),
            Field::To => record.to.iter().for_each(|v| tokens.add(v)),
            Field::Subject => tokens.add(&record.subject),
            Field::Body => tokens.add(&record.body),
            Field::Attachment => {
                for attachment in &record.attachments {
                    tokens.add(&attachment.name);
                    if let Some(kind) = attachment.name.rsplit_once('.').and_then(|(_, end)| kind(end)) {
                        tokens.mark(kind);
                    }
                    tokens.add(&attachment.text);
                }
            }
        }
        tokens
    }
}

/// The mark of a kind of file (`pdf`): a token that no text makes.
pub(crate) fn kind(ending: &str) -> Option<String> {
    let ending = ending.trim();
    let plain = !ending.is_empty() && ending.len() <= 10 && ending.bytes().all(|b| b.is_ascii_alphanumeric());
    plain.then(|| format!(".{}", ending.to_ascii_lowercase()))
}

/// A set of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fields(u8);

impl Fields {
    pub(crate) const ALL: Fields = Fields(0b11111);

    pub(crate) fn of(field: Field) -> Self {
        Fields(1 << field.number())
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Field> {
        Field::ALL.into_iter().filter(move |f| self.0 & (1 << f.number()) != 0)
    }
}
