//! A turn in the making: the record as it becomes, the replies so far, and the means to word them.
//!
//! What is said when is decided by the rooms beside this one; here is only how a reply gets its language, its turn and
//! its place.

use jiff::Timestamp;

use super::{
    Activity, Base, Button, Choice, Context, Entropy, Event, Found, Input, MessageId, Place, Press,
    Record, Reply, Turn, UserId, script,
};
use crate::{
    knowledge::{EntryId, Language, PhoneSystem, lines::Value},
    markup::RichText,
    matching::{
        Outcome,
        normalize::{is_han, is_simplified, to_simplified},
    },
};

/// A turn in the making.
#[derive(Clone)]
pub(super) struct Talk<'a> {
    pub(super) base: &'a Base,
    pub(super) now: Timestamp,
    pub(super) entropy: Entropy,
    pub(super) place: Place,
    pub(super) language: Language,
    pub(super) record: Record,
    replies: Vec<Reply>,
    /// The message whose button was pressed, if a new look may take its place.
    canvas: Option<MessageId>,
    /// The message that was typed, where it can be taken out of the chat.
    typed: Option<MessageId>,
    /// Whether it is.
    takes_away: bool,
    /// In a group, the one whose buttons these are.
    owner: Option<UserId>,
    /// Nothing of this chat is kept.
    forgets: bool,
    found: Vec<Found>,
}

impl<'a> Talk<'a> {
    /// Begins a turn, and settles on a language until the message says better.
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
            replies: Vec::new(),
            canvas: None,
            typed: event.message,
            takes_away: false,
            owner: event.from.filter(|_| event.place == Place::Group),
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
        self.record.turn = self.record.turn.wrapping_add(1);
    }

    /// Lets screens take the place of `message`.
    pub(super) fn draw_on(&mut self, message: MessageId) {
        self.canvas = Some(message);
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

    /// One of the bot's own lines.
    pub(super) fn line(&self, line: &str, values: &[(&str, Value)]) -> RichText {
        self.base.lines.say(self.language, line, values)
    }

    /// One of the bot's own lines as bare text.
    pub(super) fn words(&self, line: &str, values: &[(&str, Value)]) -> String {
        self.base.lines.label(self.language, line, values)
    }

    /// A button that reads one of the bot's own lines.
    pub(super) fn button(&self, line: &str, choice: Choice) -> Button {
        self.button_reading(self.words(line, &[]), choice)
    }

    /// A button with this label.
    pub(super) fn button_reading(&self, label: impl Into<String>, choice: Choice) -> Button {
        let press = Press::new(self.record.turn, choice).owned_by(self.owner);
        Button::press(label, &press)
    }

    /// Says something in a new message, which stays.
    pub(super) fn say(&mut self, reply: Reply) {
        // What stands below the screen has scrolled it away.
        self.canvas = None;
        self.record.screen = None;
        self.replies.push(reply);
    }

    /// Shows where we are: in place of the message whose button was pressed, else in a new one.
    pub(super) fn show(&mut self, reply: Reply) {
        let canvas = self.canvas.take();
        self.record.screen = canvas;
        self.replies.push(reply.in_place_of(canvas));
    }

    /// Takes what was typed out of the chat; whether the channel can, for wording it.
    pub(super) fn take_away(&mut self) -> bool {
        self.takes_away = self.typed.is_some();
        self.takes_away && self.place == Place::Private
    }

    /// Keeps nothing of this chat.
    pub(super) fn forget(&mut self) {
        self.forgets = true;
    }

    /// Leaves what was said where it is: what is shown next comes below it.
    pub(super) fn keep_above(&mut self) {
        self.canvas = None;
    }

    /// Puts words above the reply made last.
    pub(super) fn preface(&mut self, words: RichText) {
        if let Some(last) = self.replies.last_mut() {
            last.text = words.below(2, std::mem::take(&mut last.text));
        }
    }

    /// Whether something was said yet.
    pub(super) fn is_silent(&self) -> bool {
        self.replies.is_empty()
    }

    /// Whether `text` is one of the words of this line, in any language; case and closing punctuation do not matter.
    pub(super) fn means(&self, text: &str, words: &str) -> bool {
        let text = folded(text);
        self.any_word(words, |word| word == text)
    }

    /// Whether `text` begins with one of the words of this line, in any language.
    pub(super) fn begins_with(&self, text: &str, words: &str) -> bool {
        let text = folded(text);
        self.any_word(words, |word| text.starts_with(word))
    }

    /// Whether `text` begins or ends as questions do, in any language.
    pub(super) fn sounds_like_a_question(&self, text: &str) -> bool {
        let text = folded(text);
        let first = text.split_whitespace().next().unwrap_or_default();
        let begins = |word: &str| match word.is_ascii() {
            true => word == first,
            false => text.starts_with(word),
        };
        self.any_word("words-question", begins)
            || self.any_word("words-question-end", |word| text.ends_with(word))
    }

    /// Whether one of the words of this line stands in `text`.
    pub(super) fn mentions(&self, text: &str, words: &str) -> bool {
        let text = folded(text);
        self.any_word(words, |word| contains_word(&text, word))
    }

    fn any_word(&self, words: &str, is_it: impl Fn(&str) -> bool) -> bool {
        let lines = &self.base.lines;
        lines.languages().into_iter().any(|language| {
            lines
                .label(language, words, &[])
                .split('|')
                .any(|word| is_it(&plain_word(word)))
        })
    }

    /// The wallet a text names; the longest name wins, since an app is named more exactly than a phone.
    pub(super) fn wallet_in(&self, text: &str) -> Option<EntryId> {
        self.wallet_besides(text, None).map(|(wallet, _)| wallet)
    }

    /// The wallet a text names besides `known`, and by which name.
    pub(super) fn wallet_besides(
        &self,
        text: &str,
        known: Option<&EntryId>,
    ) -> Option<(EntryId, String)> {
        let text = folded(text);
        let guides = self.base.knowledge.guides_in_order().into_iter();
        let others = guides.filter(|(id, _)| Some(*id) != known);
        let named =
            others.flat_map(|(id, guide)| guide.names().map(move |name| (id, plain_word(name))));
        let longest = named
            .filter(|(_, name)| contains_word(&text, name))
            .max_by_key(|(_, name)| name.chars().count());
        longest.map(|(id, name)| (id.clone(), name))
    }

    /// Whether a text says of `name` that it is not meant: “not in …”, “I never had …”. A clause that ended before does not
    /// count: “not Google, Samsung”.
    pub(super) fn denies(&self, text: &str, name: &str) -> bool {
        let text = folded(text);
        let before = word_place(&text, name).map_or("", |place| &text[..place]);
        self.any_word("words-not", |word| {
            let said = word_places(before, word).last();
            let between = said.map(|place| &before[place + word.len()..]);
            between.is_some_and(|between| !self.ends_clause(between))
        })
    }

    fn ends_clause(&self, text: &str) -> bool {
        text.contains([',', '，', '。', ';', '；'])
            || self.any_word("words-but", |word| contains_word(text, word))
    }

    /// The phone systems a text names.
    pub(super) fn systems_in(&self, text: &str) -> Vec<PhoneSystem> {
        let named = |system: &PhoneSystem| self.mentions(text, &words_of(*system));
        PhoneSystem::ALL.into_iter().filter(named).collect()
    }

    /// A message cut into its questions: after question marks and line ends, and before words such as “also”.
    pub(super) fn split_questions<'t>(&self, text: &'t str) -> Vec<&'t str> {
        let parts = text
            .split(['?', '？', '\n'])
            .flat_map(|part| self.split_at_also(part));
        parts
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .collect()
    }

    fn split_at_also<'t>(&self, part: &'t str) -> Vec<&'t str> {
        let lower = part.to_lowercase();
        // Lower case may be longer or shorter; then places in it are none of the text.
        let comparable = lower.len() == part.len();
        let lines = &self.base.lines;
        let words = lines.languages().into_iter().flat_map(|language| {
            lines
                .label(language, "words-also", &[])
                .split('|')
                .map(|word| word.trim().to_owned())
                .collect::<Vec<_>>()
        });
        let places = words.filter_map(|word| word_place(&lower, &word));
        match places
            .min()
            .filter(|place| comparable && *place > 0 && part.is_char_boundary(*place))
        {
            Some(place) => vec![&part[..place], &part[place..]],
            None => vec![part],
        }
    }

    /// Goes into a procedure; a removal under way is taken up again after it.
    pub(super) fn set_aside_for(&mut self, activity: Activity) {
        let before = std::mem::replace(&mut self.record.activity, activity);
        if before.is_removal() {
            self.record.suspended = Some(before);
        }
    }

    /// Leaves a procedure; back in the removal that was set aside for it, if there was one.
    pub(super) fn leave(&mut self) {
        self.record.activity = self.record.suspended.take().unwrap_or_default();
    }

    /// The turn as it is to be committed, when somebody did something.
    pub(super) fn finish(mut self) -> Turn {
        // When somebody was here is kept only as long as something waits for them.
        let waits = self.record.activity != Activity::Idle || self.record.suspended.is_some();
        self.record.touched = waits.then_some(self.now);
        self.record.reminded = false;
        self.record.unreachable = false;
        self.finish_untouched()
    }

    /// Takes back what was said: nobody would hear it.
    pub(super) fn say_nothing(&mut self) {
        self.replies.clear();
    }

    /// Nobody asked for what was said.
    pub(super) fn mark_unasked(&mut self) {
        self.replies
            .iter_mut()
            .for_each(|reply| reply.unsolicited = true);
    }

    /// The turn as it is to be committed, when nobody did anything.
    pub(super) fn finish_untouched(mut self) -> Turn {
        if self.language == Language::ZH && self.record.traditional {
            self.replies.iter_mut().for_each(script::convert);
        }
        if let Some(first) = self.replies.first_mut().filter(|_| self.takes_away) {
            first.deletes = self.typed;
        }
        Turn {
            record: match self.forgets {
                true => Record::default(),
                false => self.record,
            },
            replies: self.replies,
            forgets: self.forgets,
            found: self.found,
        }
    }
}

/// The line with the words for a phone system.
pub(super) fn words_of(system: PhoneSystem) -> String {
    format!("words-system-{}", system.code())
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

/// Typed words as they are compared: case, closing punctuation and the kind of apostrophe do not matter.
pub(super) fn plain_word(text: &str) -> String {
    let lower = text
        .trim()
        .to_lowercase()
        .replace('’', "'")
        .replace('，', ",");
    lower
        .trim_end_matches(|c: char| c.is_ascii_punctuation() || "。！～？".contains(c))
        .trim_end()
        .to_owned()
}

/// The same, in Simplified script, in which the words that are understood are written.
pub(super) fn folded(text: &str) -> String {
    plain_word(&to_simplified(text))
}

/// Whether a word stands in a text as a word: Latin letters must not go on at either end, Han is not written in words.
fn contains_word(text: &str, word: &str) -> bool {
    word_place(text, word).is_some()
}

fn word_place(text: &str, word: &str) -> Option<usize> {
    word_places(text, word).next()
}

fn word_places(text: &str, word: &str) -> impl Iterator<Item = usize> {
    let is_letter = |c: char| c.is_ascii_alphanumeric();
    let places = text.match_indices(word).map(|(place, _)| place);
    places.filter(move |place| {
        let goes_on =
            word.ends_with(is_letter) && text[place + word.len()..].starts_with(is_letter);
        let began = word.starts_with(is_letter) && text[..*place].ends_with(is_letter);
        !word.is_empty() && !goes_on && !began
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_known_without_case_and_closing_punctuation() {
        for (typed, word) in [
            (" Yes! ", "yes"),
            ("是的。", "是的"),
            ("It’s gone", "it's gone"),
            ("👍", "👍"),
            ("", ""),
        ] {
            assert_eq!(plain_word(typed), word);
        }
    }

    #[test]
    fn a_word_is_found_whole_in_latin_and_anywhere_in_han() {
        assert!(contains_word("and on ios", "ios") && contains_word("那苹果呢", "苹果"));
        for (text, word) in [
            ("curious", "ios"),
            ("iosx", "ios"),
            ("", "ios"),
            ("👍", "ios"),
            ("ios", ""),
        ] {
            assert!(!contains_word(text, word), "{text} {word}");
        }
    }
}
