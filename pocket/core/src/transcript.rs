//! What happened on a leg, as its far end saw it.

use bstr::BString;
use parking_lot::Mutex;

/// What an entry tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The leg was made.
    Created,
    /// It went into a state.
    State,
    /// It got early media.
    EarlyMedia,
    /// It was answered.
    Answered,
    /// A file begins to be played.
    Plays,
    /// A text begins to be spoken, said or phrased.
    Speaks,
    /// A file was played.
    Played,
    /// A digit was received.
    Digit,
    /// A digit was sent.
    SentDigit,
    /// A variable was set by an application.
    Variable,
    /// An application began.
    Application,
    /// It went to another extension.
    Transferred,
    /// It was bridged.
    Bridged,
    /// It was hung up.
    HungUp,
    /// Something was recorded.
    Recorded,
    /// Text was spoken to it.
    Spoken,
    /// A number, a date or the like was said to it.
    Said,
    /// A phrase was said to it.
    Phrase,
    /// Recognition of speech began, or ended.
    Listens,
    /// The far end spoke.
    Heard,
    /// The far end was sent a message.
    Message,
    /// pocket did not do what was asked for, or only seemed to.
    StandIn,
}

impl Kind {
    /// The kind's name in Python.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::State => "state",
            Self::EarlyMedia => "early media",
            Self::Answered => "answered",
            Self::Plays => "plays",
            Self::Speaks => "speaks",
            Self::Played => "played",
            Self::Digit => "digit",
            Self::SentDigit => "sent digit",
            Self::Variable => "variable",
            Self::Application => "application",
            Self::Transferred => "transferred",
            Self::Bridged => "bridged",
            Self::HungUp => "hung up",
            Self::Recorded => "recorded",
            Self::Spoken => "spoken",
            Self::Said => "said",
            Self::Phrase => "phrase",
            Self::Listens => "listens",
            Self::Heard => "heard",
            Self::Message => "message",
            Self::StandIn => "stand-in",
        }
    }
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Microseconds of the switch's clock.
    pub time: i64,
    /// What it was.
    pub kind: Kind,
    /// What it was about: a file, a digit, a cause.
    pub text: BString,
    /// More, by name.
    pub data: Vec<(&'static str, BString)>,
}

impl Entry {
    fn size(&self) -> usize {
        let data = self.data.iter().map(|(_, value)| value.len());
        size_of::<Self>() + self.text.len() + data.sum::<usize>()
    }
}

/// Entries kept of one leg.
const KEPT: usize = 100_000;

/// All that happened on a leg, in order.
#[derive(Debug, Default)]
pub struct Transcript(Mutex<Vec<Entry>>);

impl Transcript {
    pub(crate) fn add(&self, entry: Entry) {
        let mut entries = self.0.lock();
        if entries.len() < KEPT {
            entries.push(entry);
        }
    }

    /// About how many bytes they take.
    pub(crate) fn size(&self) -> usize {
        let entries = self.0.lock();
        entries.iter().map(Entry::size).sum()
    }

    /// A copy of the entries so far.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.0.lock().clone()
    }
}
