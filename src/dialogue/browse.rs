//! Looking through everything there is to read: groups, and the entries of a group.
//!
//! What an entry says is `answer`'s to show.

use super::{Choice, Reply, answer, talk::Talk};
use crate::{
    knowledge::{Group, Language},
    markup::RichText,
};

/// The entry a button led to is no more.
pub(super) fn gone_entry(talk: &mut Talk<'_>) {
    let text = talk.line("gone-entry", &[]);
    show_groups(talk, text);
}

/// Everything there is to read, by group.
pub(super) fn groups(talk: &mut Talk<'_>) {
    let text = talk.line("faq-groups", &[]);
    show_groups(talk, text);
}

fn show_groups(talk: &mut Talk<'_>, text: RichText) {
    let groups = talk
        .base
        .knowledge
        .groups
        .iter()
        .filter(|group| group.browse);
    let buttons: Vec<_> = groups
        .map(|group| {
            talk.button_reading(
                group_title(group, talk.language),
                Choice::Group(group.id.clone()),
            )
        })
        .collect();
    let reply = answer::with_paired(Reply::new(text), buttons);
    talk.show(reply);
}

/// The entries of a group.
pub(super) fn group(talk: &mut Talk<'_>, name: &str) {
    let knowledge = &talk.base.knowledge;
    let Some(group) = knowledge
        .groups
        .iter()
        .find(|group| group.id == name && group.browse)
    else {
        return gone_entry(talk);
    };
    let title = group_title(group, talk.language);
    let buttons: Vec<_> = knowledge
        .entries_of(group)
        .filter_map(|entry| answer::entry_button(talk, &entry.id))
        .collect();
    let reply = answer::with_paired(
        Reply::new(talk.line("faq-group", &[("title", title.into())])),
        buttons,
    );
    talk.show(reply.row([talk.button("button-topics", Choice::Groups)]));
}

fn group_title(group: &Group, language: Language) -> String {
    group
        .titles
        .get(&language)
        .or_else(|| group.titles.values().next())
        .unwrap_or(&group.id)
        .clone()
}
