# The bot's own lines. Markdown inside; `{ $name }` is put in by the bot.
# A line must not begin with `*`, `[`, `.` or `}`: put {""} before it.

## Hello and help
welcome =
    Hi. I help you take an access card (door card, building pass) out of the wallet on your phone.

    Ask me in your own words, or let me lead you through it.
help =
    {""}**What I can do**
    • Answer questions about removing an access card from a phone wallet. Just ask.
    • Lead you through a removal, step by step: /unbind
    • Keep the list of your cards: /cards
    • Show everything I know: /faq

    I am a program. I never touch your phone's wallet: that part you do, and I guide you.
    /language changes the language, /cancel stops what we are doing.
language-name = English
language-which = **Which language shall I use?**
language-set = We go on in English.
language-unknown = I do not speak “{ $language }” yet. Please choose one of these.
apology = Sorry, something went wrong on my side. Nothing of yours was changed. Please try that once more.
unknown-command = I do not know the command /{ $command }. This is what I can do:
busy-here = Let us do that between the two of us, not in the group.

## Answers
did-you-mean = **Did you mean one of these?**
assumed = Still about “{ $topic }”, I take it:
thanks-for-vote = Good to know, thank you.
not-helpful = **Then perhaps one of these?**
not-known =
    {""}**I don't know that one.**
    I only know about access cards in phone wallets. Try it in other words, or look through the topics.
not-known-again =
    {""}**Sorry, I still don't know.**
    A person may know better. You can also look through the topics.
none-of-these = All right. Tell me in other words what you need; one short sentence is often best.
gone-entry = I no longer have that text. Here are the topics.
faq-groups = **What is it about?**
faq-group = **{ $title }**
attachment = { $kind ->
    [sticker] Nice one. I can only read text, though: what can I do for you?
    [picture] I cannot look at pictures. Please tell me in words what you see, and never send card numbers or passwords.
    [voice] I cannot listen to recordings. Please write it to me in a sentence.
    [location] Thanks, but I do not need to know where you are. Tell me in words what I can do.
    [file] I cannot read files. Please tell me in words what you need.
    [contact] I do not need anybody's contact, thanks. Tell me in words what I can do.
   *[other] I can only read text. Please tell me in words what you need.
}

## Where we are
stale = That button is from earlier; nothing was changed.
here-we-are = Here is where we are:
nothing-open = Nothing is under way just now. What would you like to do?
cancelled = Stopped. Your list of cards is as it was.
nothing-to-cancel = There is nothing to stop. Ask me something, or choose:
content-changed = My instructions have changed since then, so we go on from this step.

## Adding a card
add-label =
    {""}**What do you call this card?**
    Type a short name, or choose one. Please no card numbers.
add-wallet = **Which wallet is “{ $label }” in?**
add-system = **Where is “{ $label }” kept?**
add-kind =
    {""}**What kind of card is “{ $label }”?**
    If you are not sure, skip it.
label-home = Home
label-office = Office
label-school = School
label-gate = Gate
label-empty = That name has nothing to read in it. Please type a short one, like “Office”.
label-long = That is too long for a button: at most { $most } characters, please.
label-digits = That looks like a number worth keeping secret. Please use a name, like “Office”; I keep no card numbers.
label-taken = You already have a card called “{ $label }”. Please choose another name.
cards-full = Your list is full: { $most } cards. Take one off first.
card-added = ✅ “{ $label }” is on your list.

## Cards
cards-title = **Your cards**
cards-hint = Tap a card to rename it or take it out.
cards-none = **Your list is empty.** Add a card, and I can lead you through its removal.
card-view = **{ $label }** · { $wallet }
card-added-on = On your list since { $date }.
card-gone = That card is no longer on your list.
rename-ask =
    {""}**What shall “{ $label }” be called?**
    Type the new name.
renamed = ✅ Renamed: { $label }
bin-title =
    {""}**Taken off your list**
    Tap a card to put it back on the list. In the wallet itself you would have to add it again.
bin-none = There is nothing to put back.
put-back = ✅ **“{ $label }” is back on your list.** In the phone's wallet it comes back only if you add it there again.
put-back-late = That card cannot be put back any more: I keep removed cards for { $days } days.
days-left = { $days ->
    [one] 1 day left
   *[other] { $days } days left
}

## The guided removal
choose-card = **Which card shall we take out?**
no-guide = My knowledge has no step-by-step guide at the moment. Please ask me instead.
step-head = **{ $label }** · { $wallet } · step { $step } of { $steps }
step-done = ✅ { $title }
looks-different =
    {""}**What is different?**
    Choose what fits, or tell me in your own words what you see.
confirm =
    {""}**Take “{ $label }” off your list?**
confirm-note = Worth noting for later: { $details }, and who issued it.
confirm-bin =
    It stays in the bin for { $days } days and can be put back on the list.
    Your phone's wallet I cannot touch: that part you did in the steps before.
confirm-how = Press the button, or type “yes”.
kept = “{ $label }” stays on your list.
removed = ✅ **“{ $label }” is off your list.**
left-cards = Left: { $labels }.
left-none = Your list is empty now.
look-again = **Now look in { $wallet } once more: is the card gone?**
all-gone =
    {""}**Good, all done.**
    “{ $label }” can be put back on the list for { $days } days: /cards
still-there-next = If it is still there after that, tell me what you see, or go through the steps again.

## Buttons
button-guide = Guide me step by step
button-helpful = 👍 That helped
button-not-asked = 👎 Not what I asked
button-none-of-these = None of these
button-person = Talk to a person
button-topics = Look through the topics
button-help = What can you do?
button-cards = My cards
button-add = Add a card
button-another-card = Another card
button-skip = Not sure, skip
button-done = Done
button-differs = It looks different
button-back = Back
button-back-to-step = Back to the step
button-cancel = Cancel
button-continue = Go on
button-confirm = Yes, take “{ $label }” off
button-keep = No, keep it
button-gone = Yes, gone
button-still = Still there
button-undo = Undo
button-rename = Rename
button-take-out = Take it out
button-bin = Put one back
button-all-cards = All cards
button-private = Go on in private

## Names
system-ios = iPhone
system-android = Android phone
system-harmonyos = HarmonyOS phone
system-watch = Watch or band
kind-issued = Issued in an app by its owner
kind-copied = Copied from a plastic card
kind-record = In an app or mini program

## Words that are understood when they are typed, separated by |
words-yes = yes | yes please | yes, take it off | yes take it off | yes, remove it | confirm
words-no = no | no thanks | keep | keep it | no, keep it | don't
words-done = done | next | ok | okay | ok done | finished | did it | i did it | yes | continue
words-back = back | go back | previous | step back
words-cancel = cancel | stop | quit | abort | never mind | nevermind
words-differs = it looks different | looks different | different | i don't see it | not there
words-gone = yes | gone | yes, gone | yes gone | it's gone | it is gone
words-still = no | still there | it's still there | not gone | still shows
words-undo = undo | put it back | put back
words-follow-up = and on | and with | and for | and in | and the | what about | how about | and what about | and how about | same for | and
XX
words-also = also, | , also | , and also | besides, | another question | one more thing | and how | and what | and does | and do | and can | and will | and is | and why | and where | and when
words-guide = guide me | guide me step by step | step by step | show me how | start | let's start

## Command menu
command-unbind = Take a card out, step by step
command-cards = My cards
command-faq = Look through the topics
command-language = Change the language
command-cancel = Stop what we are doing
command-help = What I can do
command-start = Begin

## Terminal
terminal-hello =
    {""}**unbind-bot** in the terminal. Ask a question, or type the number of a choice. /help shows more, Ctrl-D ends.
terminal-choose = There is no choice { $number } here.
