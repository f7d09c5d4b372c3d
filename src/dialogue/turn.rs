//! A turn in the making: the record as it becomes, and what will be said and shown, in order.
//!
//! Procedures change `record`, say things, leave notes and name the next [`Screen`]. `settle` then brings the record to
//! rest, and `screens` draws what was named. Here is only how these are collected, in which language, and for whom.

use jiff::Timestamp;

use super::{
    choice::{Choice, Press},
    context::{Base, Context, Found, Turn},
    event::{Event, Input, Place},
    ids::{MessageId, UserId},
    protection::credentials::Entropy,
    record::Record,
    reply::{Button, Reply},
    screen::{Output, Placement, Screen},
    script,
    words::Words,
};
use crate::{
    knowledge::{EntryId, Language, lines::Value},
    markup::RichText,
    matching::{
        Outcome,
        normalize::{is_han, is_simplified},
    },
};

/// A turn in the making.
pub(super) struct TurnBuilder<'a> {
    pub(super) base: &'a Base,
    pub(super) now: Timestamp,
    pub(super) entropy: Entropy,
    pub(super) place: Place,
    pub(super) language: Language,
    pub(super) record: Record,
    outputs: Vec<Output>,
    /// Stand above the screen that is named next.
    notes: RichText,
    /// Where that screen appears.
    placement: Placement,
    /// The message that was typed, where it can be deleted from the chat.
    typed_message: Option<MessageId>,
    deletes_typed: bool,
    /// In a group, the only one who may press the buttons.
    owner: Option<UserId>,
    /// A person did something; else the turn came about by itself.
    is_by_person: bool,
    /// A button was pressed, which must not stay without a visible effect.
    is_press: bool,
    forgets: bool,
    found: Vec<Found>,
}

impl<'a> TurnBuilder<'a> {
    /// Begins a turn, in the language that holds until the message's words say better.
    pub(super) fn begin(record: &Record, event: &Event, context: &Context<'a>) -> Self {
        let base = context.base;
        let mut record = record.clone();
        record.app_language = event.app_language.or(record.app_language);
        Self {
            base,
            now: context.now,
            entropy: context.entropy,
            place: event.place,
            language: language_without_words(&record, event, base),
            record,
            outputs: Vec::new(),
            notes: RichText::default(),
            placement: Placement::New,
            typed_message: event.message,
            deletes_typed: false,
            owner: match event.place {
                Place::Group => event.from,
                Place::Private => None,
            },
            is_by_person: event.input.wants_answer(),
            is_press: matches!(event.input, Input::Press { .. }),
            forgets: false,
            found: Vec::new(),
        }
    }

    /// Notes what was found for a question.
    pub(super) fn note_found(&mut self, outcome: Outcome, entry: Option<EntryId>) {
        self.found.push(Found { outcome, entry });
    }

    /// Makes every keyboard shown so far an old one.
    pub(super) fn next_keyboard(&mut self) {
        self.record.keyboard = self.record.keyboard.wrapping_add(1);
    }

    /// Lets the first screen take the place of `message`, unless something is said before it.
    pub(super) fn edit_in_place(&mut self, message: MessageId) {
        self.placement = Placement::InPlaceOf(message);
    }

    /// Where the first screen appears.
    pub(super) fn placement(&self) -> Placement {
        self.placement
    }

    /// Speaks `language` from here on, and remembers it.
    pub(super) fn speak(&mut self, language: Language) {
        self.language = language;
        self.record.spoken = Some(language);
    }

    /// Speaks the language a message is written in, if it shows one: a number, a mark or a single Latin word (“ok”, a
    /// brand, a PIN) is said in any language.
    pub(super) fn speak_as(&mut self, text: &str, language: Language) {
        let words = text.split_whitespace();
        let latin = words.filter(|word| word.chars().filter(char::is_ascii_alphabetic).count() > 1);
        let shows = text.chars().any(is_han) || latin.count() > 1;
        let known = self.record.spoken.or(self.record.language).is_some();
        if shows || !known {
            self.speak(language);
        }
    }

    /// Notes in which script Chinese is written; a text that could be either tells nothing.
    pub(super) fn note_script(&mut self, text: &str, traditional: bool) {
        if traditional || is_simplified(text) {
            self.record.traditional = traditional;
        }
    }

    /// Looks for words the bot knows.
    pub(super) fn words(&self) -> Words<'a> {
        Words::of(self.base)
    }

    /// One of the bot's own lines.
    pub(super) fn line(&self, line: &str, values: &[(&str, Value)]) -> RichText {
        self.base.lines.say(self.language, line, values)
    }

    /// One of the bot's own lines as bare text.
    pub(super) fn label(&self, line: &str, values: &[(&str, Value)]) -> String {
        self.base.lines.label(self.language, line, values)
    }

    /// A button that reads one of the bot's own lines.
    pub(super) fn button(&self, line: &str, choice: Choice) -> Button {
        self.button_labelled(self.label(line, &[]), choice)
    }

    /// A button with this label.
    pub(super) fn button_labelled(&self, label: impl Into<String>, choice: Choice) -> Button {
        let press = Press::new(self.record.keyboard, choice).owned_by(self.owner);
        Button::press(label, press)
    }

    /// A label as it is shown to this reader.
    pub(super) fn as_displayed(&self, label: &str) -> String {
        if self.is_in_traditional_script() {
            script::to_traditional(label)
        } else {
            label.to_owned()
        }
    }

    fn is_in_traditional_script(&self) -> bool {
        self.language == Language::ZH && self.record.traditional
    }

    /// Says something in a new message, which stays.
    pub(super) fn say(&mut self, reply: Reply) {
        self.outputs.push(Output::Said(reply));
    }

    /// Leaves a note above the screen that is named next.
    pub(super) fn note(&mut self, note: RichText) {
        self.notes = std::mem::take(&mut self.notes).below(2, note);
    }

    /// Names a screen, below what was said and shown before it. The present one is shown once.
    pub(super) fn show(&mut self, screen: Screen) {
        let notes = std::mem::take(&mut self.notes);
        match self.outputs.last_mut() {
            Some(Output::Shown {
                screen: last,
                notes: before,
            }) if *last == Screen::Present && screen == Screen::Present => {
                *before = std::mem::take(before).below(2, notes);
            }
            _ => self.outputs.push(Output::Shown { screen, notes }),
        }
    }

    /// Shows the list with a note that the card asked for is no longer on it.
    pub(super) fn show_card_missing(&mut self) {
        self.note(self.line("card-gone", &[]));
        self.show(Screen::Cards(0));
    }

    /// Takes back that the present screen is shown, for `settle` to look at the record; its notes come before later
    /// ones. Whether it was to be shown.
    pub(super) fn take_present(&mut self) -> bool {
        let is_present = |output: &mut Output| matches!(output, Output::Shown { screen, .. } if *screen == Screen::Present);
        let Some(Output::Shown { notes, .. }) = self.outputs.pop_if(is_present) else {
            return false;
        };
        let later = std::mem::replace(&mut self.notes, notes);
        self.note(later);
        true
    }

    /// Whether nothing was said or shown yet.
    pub(super) fn is_silent(&self) -> bool {
        self.outputs.is_empty()
    }

    /// What is said and shown, in order.
    pub(super) fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// Takes back everything said and shown: it could not be delivered.
    pub(super) fn discard_outputs(&mut self) {
        self.outputs.clear();
    }

    /// Whether a button was pressed.
    pub(super) fn is_press(&self) -> bool {
        self.is_press
    }

    /// Deletes what was typed from the chat; whether the channel can, for wording it.
    pub(super) fn delete_typed(&mut self) -> bool {
        self.deletes_typed = self.typed_message.is_some();
        match self.place {
            Place::Private => self.deletes_typed,
            // Only where the bot is an administrator.
            Place::Group => false,
        }
    }

    /// Keeps nothing of this chat.
    pub(super) fn forget(&mut self) {
        self.forgets = true;
    }

    /// Goes back to what was under way before, or says that all is cancelled.
    pub(super) fn leave_procedure(&mut self) {
        self.record.leave();
        self.show(if self.record.activity.is_idle() {
            Screen::Cancelled
        } else {
            Screen::Present
        });
    }

    /// The turn as it is to be committed, with what was drawn.
    pub(super) fn finish(mut self, mut replies: Vec<Reply>) -> Turn {
        if self.is_in_traditional_script() {
            replies.iter_mut().for_each(script::convert);
        }
        if let Some(first) = replies.first_mut().filter(|_| self.deletes_typed) {
            first.deletes = self.typed_message;
        }
        if let Some(last) = replies.last() {
            // The message with the present screen, once its id is known: what is said below it scrolls it away.
            self.record.screen_message = last.replaces;
        }
        if self.is_by_person {
            self.record.note_presence(self.now);
        } else {
            replies
                .iter_mut()
                .for_each(|reply| reply.unsolicited = true);
        }
        Turn {
            record: if self.forgets {
                Record::default()
            } else {
                self.record
            },
            replies,
            forgets: self.forgets,
            found: self.found,
        }
    }
}

/// The language as long as no words of a message tell: a button's is that of the conversation it stands in, a
/// command's the chosen one; then the app's, if the bot speaks it. A reminder comes with nobody's app, so that is
/// remembered.
fn language_without_words(record: &Record, event: &Event, base: &Base) -> Language {
    let pressed = matches!(event.input, Input::Press { .. });
    let remembered = if pressed {
        record.spoken.or(record.language)
    } else {
        record.language.or(record.spoken)
    };
    let of_app = || {
        let languages = base.lines.languages();
        record
            .app_language
            .filter(|language| languages.contains(language))
    };
    remembered.or_else(of_app).unwrap_or(Language::EN)
}
