//! Shows one entry of the knowledge base, with buttons for related entries, the guided removal and votes.

use crate::{
    dialogue::{
        buttons,
        choice::Choice,
        event::Place,
        reply::{Button, Reply},
        screen::Screen,
        turn::TurnBuilder,
    },
    knowledge::{Entry, EntryId, guide::GENERAL_GUIDE},
};

/// Related entries offered during a procedure, whose own screen follows below with its buttons.
const RELATED_BESIDE_A_STEP: usize = 2;

/// How an entry came to be shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The matcher found it.
    Question,
    /// A button or a link led to it.
    Button,
}

/// Says an entry, or that it no longer exists.
pub(crate) fn say_entry(turn: &mut TurnBuilder<'_>, id: &EntryId, origin: Origin) {
    match entry_reply(turn, id, origin) {
        Some(reply) => turn.say(reply),
        None => turn.show(Screen::EntryMissing),
    }
}

/// The same, for an id written in the code.
pub(crate) fn say_named_entry(turn: &mut TurnBuilder<'_>, id: &str) {
    if let Ok(id) = id.parse() {
        say_entry(turn, &id, Origin::Button);
    }
}

/// An entry as a message; `None` if there is no entry with this id.
pub(crate) fn entry_reply(turn: &TurnBuilder<'_>, id: &EntryId, origin: Origin) -> Option<Reply> {
    let knowledge = &turn.base.knowledge;
    let entry = knowledge.entry(id)?;
    let article = knowledge.article(id, turn.language)?;
    let is_idle = turn.record.activity.is_idle();
    let mut reply = Reply::new(article.rendered());
    if is_idle && entry.guide {
        reply = reply.row([guide_button(turn, entry)]);
    }
    let most = if is_idle {
        usize::MAX
    } else {
        RELATED_BESIDE_A_STEP
    };
    reply = buttons::with_paired(reply, related_buttons(turn, &article.related, most));
    if is_idle && origin == Origin::Question && can_be_voted_on(turn, id) {
        reply = reply.row([
            turn.button("button-helpful", Choice::Helpful(id.clone())),
            turn.button("button-not-asked", Choice::NotHelpful(id.clone())),
        ]);
    }
    Some(reply)
}

/// Small talk answers no question, and in a group the vote would come from any member.
fn can_be_voted_on(turn: &TurnBuilder<'_>, id: &EntryId) -> bool {
    match turn.place {
        Place::Private => !is_small_talk(turn, id),
        Place::Group => false,
    }
}

pub(crate) fn is_small_talk(turn: &TurnBuilder<'_>, id: &EntryId) -> bool {
    let knowledge = &turn.base.knowledge;
    let group = knowledge.entry(id).map(|entry| entry.group.as_str());
    let mut small_talk = knowledge.groups.iter().filter(|group| group.small_talk);
    small_talk.any(|other| Some(other.id.as_str()) == group)
}

fn guide_button(turn: &TurnBuilder<'_>, entry: &Entry) -> Button {
    match turn.place {
        Place::Group => return buttons::private_chat_button(turn, "button-guide", "unbind"),
        Place::Private => {}
    }
    let has_own_guide =
        turn.base.knowledge.guides.contains_key(&entry.id) && entry.id.as_str() != GENERAL_GUIDE;
    let choice = if has_own_guide {
        Choice::UnbindFrom(entry.id.clone())
    } else {
        Choice::Unbind
    };
    turn.button("button-guide", choice)
}

fn related_buttons(turn: &TurnBuilder<'_>, ids: &[EntryId], most: usize) -> Vec<Button> {
    let related = ids.iter().filter_map(|id| buttons::entry_button(turn, id));
    related.take(most).collect()
}
