//! A turn while it is being built: the changing record, and what will be said and shown, in order.
//!
//! Procedures change `record`, say things, leave notes and name the next [`Screen`]. `settle` then makes the record
//! consistent, and `screens` draws the named screens. This file only collects the output, and decides its language and
//! whose buttons they are.

use jiff::Timestamp;

use super::{
    choice::{Choice, Press},
    context::{Base, Context, Found, Turn},
    event::{Event, Input, Place},
    ids::{MessageId, UserId},
    protection::credentials::Entropy,
    record::Record,
    reply::{Button, Reply},
    said::Answered,
    screen::{Output, Placement, Screen},
    traditional,
    words::Words,
};
use crate::{
    knowledge::{EntryId, Language, lines::Value},
    markup::RichText,
    matching::{Outcome, normalize::is_simplified},
};

pub(super) struct TurnBuilder<'a> {
    pub(super) base: &'a Base,
    pub(super) now: Timestamp,
    /// The times it may be for a person whose phone is right: the clock's, and the one that messages show.
    pub(super) likely_times: [Timestamp; 2],
    pub(super) entropy: Entropy,
    pub(super) place: Place,
    pub(super) language: Language,
    pub(super) record: Record,
    outputs: Vec<Output>,
    /// Written above the next screen that is shown.
    notes: RichText,
    /// Where the first screen appears.
    placement: Placement,
    /// The message that was typed, where it can be deleted from the chat.
    typed_message: Option<MessageId>,
    deletes_typed: bool,
    /// Which question of the bot the typed message answered.
    answered: Answered,
    /// Whether a keyboard that a former bot left is taken away.
    removes_keyboard: bool,
    /// Whether the pressed button is out of date, which is said above the first screen.
    is_stale_press: bool,
    /// In a group, the only one who may press the buttons.
    owner: Option<UserId>,
    /// Whether a person caused this turn, rather than a timer or a receipt.
    is_by_person: bool,
    forgets: bool,
    found: Vec<Found>,
}

impl<'a> TurnBuilder<'a> {
    /// Begins a turn, in the language that applies until the text of the message shows another.
    pub(super) fn begin(record: &Record, event: &Event, context: &Context<'a>) -> Self {
        let base = context.base;
        let mut record = record.clone();
        record.app_language = event.app_language.or(record.app_language);
        Self {
            base,
            now: context.now,
            likely_times: context.likely_times(),
            entropy: context.entropy,
            place: event.place,
            language: language_without_words(&record, event, base),
            record,
            outputs: Vec::new(),
            notes: RichText::default(),
            placement: Placement::New,
            typed_message: event.message,
            deletes_typed: false,
            answered: Answered::Nothing,
            removes_keyboard: false,
            is_stale_press: false,
            owner: match event.place {
                Place::Group => event.from,
                Place::Private => None,
            },
            is_by_person: event.wants_answer(),
            forgets: false,
            found: Vec::new(),
        }
    }

    /// Adds what was found for a question, for the metrics.
    pub(super) fn note_found(&mut self, outcome: Outcome, entry: Option<EntryId>) {
        self.found.push(Found { outcome, entry });
    }

    /// Invalidates every keyboard shown so far.
    pub(super) fn next_keyboard(&mut self) {
        self.record.keyboard = self.record.keyboard.wrapping_add(1);
    }

    /// Lets the first screen replace `message`, unless something is said before it.
    pub(super) fn edit_in_place(&mut self, message: MessageId) {
        self.placement = Placement::InPlaceOf(message);
    }

    pub(super) fn placement(&self) -> Placement {
        self.placement
    }

    /// Switches this turn to `language`, and remembers it in the record.
    pub(super) fn speak(&mut self, language: Language) {
        self.language = language;
        self.record.spoken = Some(language);
    }

    /// Remembers whether Chinese is written in traditional script; a text that fits both scripts changes nothing.
    pub(super) fn note_script(&mut self, text: &str, traditional: bool) {
        if traditional || is_simplified(text) {
            self.record.traditional = traditional;
        }
    }

    /// The matcher for the word lists of the base.
    pub(super) fn words(&self) -> Words<'a> {
        Words::new(self.base)
    }

    /// One of the bot's own lines (`knowledge/lines`), in the language of the turn.
    pub(super) fn line(&self, line: &str, values: &[(&str, Value)]) -> RichText {
        self.base.lines.say(self.language, line, values)
    }

    /// One of the bot's own lines as bare text.
    pub(super) fn label(&self, line: &str, values: &[(&str, Value)]) -> String {
        self.base.lines.label(self.language, line, values)
    }

    /// A button labelled with one of the bot's own lines.
    pub(super) fn button(&self, line: &str, choice: Choice) -> Button {
        self.button_labelled(self.label(line, &[]), choice)
    }

    pub(super) fn button_labelled(&self, label: impl Into<String>, choice: Choice) -> Button {
        let press = Press::new(self.record.keyboard, choice).owned_by(self.owner);
        Button::press(label, press)
    }

    /// A label as this person sees it: in traditional script, if they use that.
    pub(super) fn as_displayed(&self, label: &str) -> String {
        if self.is_in_traditional_script() {
            traditional::to_traditional(label)
        } else {
            label.to_owned()
        }
    }

    fn is_in_traditional_script(&self) -> bool {
        self.language == Language::ZH && self.record.traditional
    }

    /// Says something in a new message, which is not edited later.
    pub(super) fn say(&mut self, reply: Reply) {
        self.outputs.push(Output::Said(reply));
    }

    /// Adds a note above the next screen that is shown.
    pub(super) fn note(&mut self, note: RichText) {
        self.notes = std::mem::take(&mut self.notes).below(2, note);
    }

    /// Lets the first screen say that the pressed button is out of date.
    pub(super) fn note_stale_press(&mut self) {
        self.is_stale_press = true;
    }

    pub(super) fn is_stale_press(&self) -> bool {
        self.is_stale_press
    }

    /// Shows a screen below what was said and shown before. Showing the present screen twice in a row merges the two.
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

    /// Shows the list of cards with a note that the requested card is no longer on it.
    pub(super) fn show_card_missing(&mut self) {
        self.note(self.line("card-gone", &[]));
        self.show(Screen::Cards(0));
    }

    /// Removes the present screen from the end of the output, so that `settle` can change the record first; its notes
    /// are kept, before any later ones. Returns whether it was there.
    pub(super) fn take_present(&mut self) -> bool {
        let is_present = |output: &mut Output| matches!(output, Output::Shown { screen, .. } if *screen == Screen::Present);
        let Some(Output::Shown { notes, .. }) = self.outputs.pop_if(is_present) else {
            return false;
        };
        let later = std::mem::replace(&mut self.notes, notes);
        self.note(later);
        true
    }

    /// Whether nothing has been said or shown yet.
    pub(super) fn is_silent(&self) -> bool {
        self.outputs.is_empty()
    }

    /// What is said and shown, in order.
    pub(super) fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// Drops everything said and shown, because it cannot be delivered.
    pub(super) fn discard_outputs(&mut self) {
        self.outputs.clear();
    }

    /// Whether a person waits for an answer.
    pub(super) fn is_by_person(&self) -> bool {
        self.is_by_person
    }

    /// Asks the channel to delete the typed message. Returns whether the channel surely can, for the wording of the
    /// reply.
    pub(super) fn delete_typed(&mut self) -> bool {
        self.deletes_typed = self.typed_message.is_some();
        match self.place {
            Place::Private => self.deletes_typed,
            // In a group the bot can delete it only as an administrator.
            Place::Group => false,
        }
    }

    /// Whether the typed message is deleted, because it is or may be a secret.
    pub(super) fn deletes_typed(&self) -> bool {
        self.deletes_typed
    }

    /// Notes which question of the bot the typed message answered, for an edit of it.
    pub(super) fn note_answered(&mut self, answered: Answered) {
        self.answered = answered;
    }

    pub(super) fn answered(&self) -> Answered {
        self.answered
    }

    /// A person caused this turn, as it turned out: an edit changed something.
    pub(super) fn note_person(&mut self) {
        self.is_by_person = true;
    }

    /// Takes away the keyboard that a former bot of this name may have left, with the first reply.
    pub(super) fn remove_old_keyboard(&mut self) {
        self.removes_keyboard = true;
    }

    /// Makes the turn delete everything stored about this chat.
    pub(super) fn forget(&mut self) {
        self.forgets = true;
    }

    /// Returns to the procedure that was suspended, or says that everything is cancelled.
    pub(super) fn leave_procedure(&mut self) {
        self.record.leave();
        self.show(if self.record.activity.is_idle() {
            Screen::Cancelled
        } else {
            Screen::Present
        });
    }

    /// The finished turn, with the replies that were drawn.
    pub(super) fn finish(mut self, mut replies: Vec<Reply>) -> Turn {
        if self.is_in_traditional_script() {
            replies.iter_mut().for_each(traditional::convert_reply);
        }
        if let Some(first) = replies.first_mut().filter(|_| self.deletes_typed) {
            first.deletes = self.typed_message;
        }
        if let Some(first) = replies.first_mut() {
            first.removes_keyboard = self.removes_keyboard;
        }
        if let Some(last) = replies.last() {
            // Only an edited message has a known id; a new message below it would scroll it away.
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

/// The language before any text is considered. For a button, the language last spoken comes before the chosen one,
/// because the message with the button is in it.
fn language_without_words(record: &Record, event: &Event, base: &Base) -> Language {
    let is_press = matches!(event.input, Input::Press { .. });
    let spoken = record.spoken.filter(|_| is_press);
    spoken.unwrap_or_else(|| record.preferred_language(&base.lines))
}
