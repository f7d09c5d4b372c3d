# 机器人自己说的话。可以用 Markdown；`{ $name }` 由程序填入。
# 一行不能以 `*`、`[`、`.`、`}` 开头：前面加 {""}。

## 打招呼和帮助
welcome =
    你好，我帮你把门禁卡从手机钱包里拿掉。

    直接用你自己的话问我就行，也可以让我一步一步带着你做。
help =
    {""}**我能做这些**
    • 回答怎么把门禁卡从手机钱包里拿掉的问题，直接问就行
    • 一步一步带你操作：/unbind
    • 帮你记着有哪些卡：/cards
    • 从列表拿掉卡之前，先输 PIN 或动态码：/protect
    • 看看我都知道些什么：/faq

    我是个程序，碰不到你手机里的钱包：那一步得你自己点，我在旁边带着你。
    我存了什么、怎么拿走或删掉：/privacy
    换语言用 /language，不想继续了用 /cancel。
language-name = 中文
language-which = **用哪种语言？**
language-set = 好，接下来说中文。
language-unknown = “{ $language }”我还不会，请从下面选一个。
apology = 抱歉，我这边出了点问题。你的东西都没动，请再试一次。
undelivered = 抱歉，有一条消息我没能发给你。你说的我都记下了，卡片列表可以用 /cards 看。请再问一次。
unknown-command = 没有 /{ $command } 这个命令。我能做这些：
unknown-command-unnamed = 没有这个命令。我能做这些：
too-fast = 一下子发得太多了，后面几条我没看。请等 { $seconds } 秒再发一次。
busy-here = 这事别在群里说，我们私聊吧。
not-yours = 这个按钮是给群里另一位的。你自己问我一句，就有你的按钮。

## 回答
did-you-mean = **你是想问这个吗？**
assumed = 接着说“{ $topic }”：
thanks-for-vote = 好的，谢谢告诉我。
not-helpful = **那是不是下面这些？**
not-known =
    {""}**这个我不知道。**
    我只懂手机钱包里的门禁卡。换个说法再问我一次，或者看看有哪些话题。
not-known-again =
    {""}**抱歉，还是没弄明白。**
    可能找人问更快。也可以看看有哪些话题。
none-of-these = 好的。换个说法告诉我，一句短话就行。
gone-entry = 这段内容已经没有了，看看这些话题吧。
faq-groups = **想了解哪方面？**
faq-group = **{ $title }**
attachment = { $kind ->
    [sticker] 收到。不过我只看得懂文字，有什么要我帮忙的？
    [picture] 我看不了图片。请用文字说说你看到了什么，别发卡号和密码。
    [voice] 我听不了语音，麻烦打字跟我说一句。
    [location] 谢谢，不过我不用知道你在哪儿。用文字说说要我帮什么吧。
    [file] 我看不了文件，请用文字说说你需要什么。
    [contact] 不用给我联系人，谢谢。用文字说说要我帮什么吧。
   *[other] 我只看得懂文字，请用文字说说你需要什么。
}

## 进行到哪儿了
stale = 这是之前的按钮，什么都没改。
here-we-are = 我们现在在这一步：
nothing-open = 现在没有正在进行的事。想做什么？
cancelled = 好，停下了，一张卡都没拿掉。
paused =
    {""}**先放着**。“{ $label }”还在列表里。
    { $days } 天内点按钮或用 /unbind 都能接着做。
nothing-to-cancel = 现在没有正在进行的事。直接问我，或者选一个：
say-anew = 这句话得你自己在这里新发一条，我才会照做。
content-changed = 操作说明更新过，我们从这一步接着来。
unfinished-card = “{ $label }”还没拿完，要接着做吗？做到哪儿我给你留 { $days } 天。
unfinished = 上次要拿掉一张卡，还没做完，要接着来吗？做到哪儿我给你留 { $days } 天。
quiet = 好，没做完的事不再提醒你了。做到哪儿还是给你留着。
put-away-removal = “{ $label }”一直没拿完，已经过了 { $days } 天，我先收起来了。卡还在列表里。
put-away = { $days } 天前有件事做到一半，我先收起来了。你的卡片都没动。

## 添加卡片
add-label =
    {""}**这张卡叫什么？**
    打个短名字，或者选一个。别写卡号。
add-wallet = **“{ $label }”在哪个钱包里？**
add-system = **“{ $label }”放在哪儿？**
add-kind =
    {""}**“{ $label }”是哪一种卡？**
    不确定就跳过。
label-home = 家
label-office = 公司
label-school = 学校
label-gate = 小区
label-empty = 名字里要有看得见的字。请打个短的，比如“公司”。
label-long = 太长了，最多 { $most } 个字。
label-digits = 这看起来像不该外传的号码。请起个名字，比如“公司”；卡号我不存。
digits-fault = 只打卡号最后几位就行，最多 { $most } 位，比如 4821。
label-word = 这听起来像是在回答别的。这张卡叫什么？起个名字，比如“公司”。
label-taken = 你已经有一张卡叫“{ $label }”了，换个名字吧。
cards-full = 列表满了，最多 { $most } 张。先拿掉一张吧。
bin-full = 连最近 30 天拿掉的在内，我最多留 { $most } 张卡。过几天再加吧。
card-added = ✅ “{ $label }”已经加到列表里。

## 卡片
cards-title = **你的卡片**
cards-hint = 点一张卡，可以查看、修改或拿掉。
cards-none = **列表还是空的**。加一张卡，我就能带你一步步把它拿掉。
card-view = **{ $label }** · { $wallet }
card-added-on = { $date } 加入列表。
card-gone = 这张卡已经不在列表里了。
ends-in = 尾号 { $digits }
edit-label =
    {""}**“{ $label }”改叫什么？**
    直接打新名字。
edit-issuer =
    {""}**“{ $label }”是谁发的，或者开哪里的门？**
    写个名字就行，比如“海港大厦前台”，电话也可以一起写。
edit-digits =
    {""}**“{ $label }”卡号的最后几位？**
    最多四位，能跟别的卡分开就行。千万别写整个卡号。
changed = ✅ “{ $label }”改好了。
history-added = { $date } 加入列表
history-label = { $date } 改名
history-wallet = { $date } 换了钱包或手机
history-issuer = { $date } 改了发卡方
history-digits = { $date } 改了尾号
history-taken-off = { $date } 从列表拿掉
history-put-back = { $date } 放回列表
history-imported = { $date } 从文件导入
bin-title =
    {""}**拿掉的卡**
    点一张放回列表。手机钱包里要用的话，得在钱包里重新添加。
bin-none = 没有可以放回的卡。
put-back = ✅ **“{ $label }”放回列表了**。手机钱包里要用，得在钱包里重新添加。
put-back-late = 这张卡放不回来了：拿掉的卡我只留 { $days } 天。
review =
    {""}**这些卡都还在用吗？**
    不用了的点一下，我带你拿掉。
review-due = 你让我提醒的：该看看卡片了，都还在用吗？
review-on = ✅ 以后每 { $days } 天问你一次，下次是 { $date }。
review-off = 好，以后不问了。
review-done = 好的，什么都没改。
review-done-next = 好的，什么都没改。{ $date } 再问你。
days-left = 还剩 { $days } 天

## 一步步拿掉
choose-card = **要拿掉哪张卡？**
why =
    {""}**为什么要拿掉“{ $label }”？**
    知道原因，我好提醒你该注意什么。
reason-new-card = 换新卡了
reason-new-phone = 换手机了
reason-misuse = 被人盗用了
reason-tidying-up = 不用了
note-new-phone = ⚠️ 旧手机恢复出厂或卖掉之前，先把这件事做完。
note-misuse = ⚠️ 马上告诉发卡的人：门那边只有他们能停掉这张卡。
all-steps-head = **{ $label }** · { $wallet } · 五步一次看全
corrected = 好的，记下了：“{ $label }”在“{ $wallet }”里。从第一步开始：
no-guide = 我现在没有分步说明，请直接问我。
step-head = **{ $label }** · { $wallet } · 第 { $step } 步，共 { $steps } 步
step-done = ✅ { $title }
step-taken-back = 好，那我们还在这一步：
looks-different =
    {""}**哪里不一样？**
    选一个最像的，或者直接说说你看到了什么。
confirm =
    {""}**把“{ $label }”从列表里拿掉？**
confirm-note = 建议先记下来，以后可能用得上：{ $details }
confirm-bin =
    它会留 { $days } 天，随时能放回列表。
    这里只是从我的列表里拿掉；手机钱包里的卡，前面几步你已经自己删了。
confirm-how = 点按钮，或者打“是的”。
details-file = 这是我知道的“{ $label }”的资料，找个稳妥的地方存好。
proof-pin =
    {""}**要继续处理“{ $label }”，请输入 PIN。**
    我会马上从聊天里删掉。别输手机密码或银行卡密码。
proof-code =
    {""}**要继续处理“{ $label }”，请输入验证器里的动态码。**
    用恢复码也行。我会马上从聊天里删掉。
proof-wrong = 不对。再错 { $left } 次就会锁上一阵，暂时不能拿掉卡。
proof-no-try =
    这个不可能是，不算一次。
    忘了的话谁也查不到：用 /forget 会把我存的全部删掉，连它一起。先用 /export 拿一份文件，之后卡可以从文件里加回来。
proof-used = 这个动态码已经用过了。等验证器换下一个再输，这次不算。
proof-last = 还是不对，先锁上了。卡一张没动。
proof-locked = 🔒 **错的次数太多，还要锁 { $minutes } 分钟**。你的卡都没动。
proof-locked-hours = 🔒 **错的次数太多，还要锁 { $hours } 小时**。你的卡都没动。
proof-locked-days = 🔒 **错的次数太多，还要锁 { $days } 天**。你的卡都没动。
kept = “{ $label }”还留在列表里。
removed = ✅ **“{ $label }”已经从列表里拿掉。**
left-cards = 还剩：{ $labels }。
left-none = 列表现在空了。
look-again = **再去“{ $wallet }”里看一眼：卡没了吗？**
all-gone =
    {""}**好，办完了。**
    { $days } 天内随时能把“{ $label }”放回列表：/cards
left-open = 好的，“{ $label }”已经不在列表里。钱包里还有没有我看不到，麻烦再去看一眼。
gone-by-now = **“{ $wallet }”里的“{ $label }”现在没了吗？**
will-remind = 好，{ $minutes } 分钟后我再问你。
still-there-next = 过一阵还在的话，告诉我你看到了什么，或者让我过会儿再问你。
next-new-card = 新卡在钱包里加好以后，也加到列表里吧。
next-new-phone = 接下来在新手机上重新添加。新手机能用了，再重置旧手机。
next-misuse = 还没说的话，赶紧告诉发卡的人：门那边只有他们能停掉。再看看别的卡有没有问题。
next-tidying-up = 还有别的不用的卡吗？

## 保护
protect-none =
    {""}**从列表拿掉卡之前，要不要先验一下身份？**
    可以自己设个 PIN，也可以用验证器 App 的动态码。保护的是这个聊天里的列表，不是手机钱包。
protect-pin = 🔒 拿掉卡之前，我会先问 PIN。
protect-codes = 🔒 拿掉卡之前，我会先问动态码。恢复码还剩 { $left } 个。
protect-off = 好了，以后拿掉卡不再验身份。
present-pin = **先输入现在的 PIN。**
present-code = **先输入验证器里的动态码，或一个恢复码。**
pin-new =
    {""}**输入一个新 PIN。**
    至少 { $least } 位，可以带字母。别用你在别处用的密码。我会马上从聊天里删掉。
pin-repeat = **再输一遍。**
pin-short = 太短了，至少 { $least } 位。
pin-long = 太长了，最多 { $most } 位。
pin-weak = 这个太好猜。别用生日、123456 这样的顺序和常见的词。
pin-differs = 两次不一样，重新来吧。
pin-set =
    ✅ **PIN 设好了**。拿掉卡之前我会先问。
    万一忘了，谁也查不到；/forget 会把所有内容连 PIN 一起删掉。
codes-enrol =
    {""}**用验证器 App 扫这张图，再把它显示的动态码发给我。**
    扫不了就手动输入：{ $secret }
    弄好以后请删掉这条消息。
code-wrong = 这个动态码不对。看看手机时间是不是自动校准的，再发最新的那个。
code-form = 动态码是 6 位数字。把验证器现在显示的 6 位数发给我就行。
codes-set =
    ✅ **动态码设好了**。拿掉卡之前我会先问。
    把这 { $count } 个恢复码抄下来，然后删掉这条消息。验证器丢了就靠它们，每个只能用一次：

## 不该发的东西
secret-taken-away = **这条我已经删掉了，也没有存。**
secret-not-kept = **这条我没有存**。建议你把它删掉。
secret-in-group = **快把那条删了，群里人都看得到**。我没有存。
secret-card-number = 看着像卡号。聊天里用不着整个卡号，最后四位就够区分了。
secret-code = 看着像密码或验证码。密码只在钱包里输，别发给任何人，也别发给我。
secret-phrase = 看着像助记词。谁看到谁就能拿走里面的一切。要是别人也看到了，请马上把里面的东西转走。

## 拿走和删掉
privacy =
    {""}**这个聊天我存了这些**
    • 你的语言，上一个问题是哪个话题，还有你点过的 👍👎
    • 你的卡：名称、钱包、手机、发卡方、尾号、什么时候改过；你不拿掉就一直在
    • 拿掉的卡：{ $bin } 天；做到一半的步骤：{ $unfinished } 天
    • 你要的提醒，包括每 { $review } 天看一次卡片
    • 拿掉卡之前验不验 PIN 或动态码；PIN 本身不存
    • 消息编号，免得一件事做两次：{ $hours } 小时；最近几条另记一个短记号，好认出改动
    • 因为我自己出错没处理好的那条消息，数字都抹掉，留给修我的人看：{ $letters } 天
    别的聊天内容、完整卡号、密码都不存。
    /forget 马上删掉。文件里的残留一天内清掉，备份里的大约一周后没了。
export-file = { $count ->
    [0] 这个聊天里我存的都在这个文件里。列表里没有卡。
   *[other] 这个聊天里我存的都在这个文件里，包括 { $count } 张卡。把文件发给我，就能把卡加回列表。
}
import-how =
    {""}**把 /export 给你的文件发给我。**
    先给你看里面有哪些卡，你确认了才加到列表。终端里用 /import 加文件名。
import-preview = **把这 { $count } 张卡加到列表里？**
import-none = 这个文件里没有能加到列表的卡。
import-same = 列表里已经有，不动：{ $labels }
import-broken = 看不懂，没加：{ $labels }
import-too-many = 还有 { $count } 张放不下。
imported = { $count ->
    [0] 没有要加的卡。
   *[other] ✅ { $count } 张卡加到列表里了。
}
file-reading = 稍等，我看看。
file-large = 文件太大，不像是我给的。什么都没改。
file-not-ours = 我只认得 /export 导出的文件。什么都没改。
file-newer = 这个文件来自更新的版本，我看不全。什么都没改。
file-not-fetched = 这个文件拿不到。看看文件名对不对，或者再发一次。
file-not-served = 我这边暂时打不开文件，不是文件的问题，维护的人能看到。什么都没改。
forget-ask =
    {""}**把这个聊天里我存的全部删掉？**
    列表里 { $cards } 张卡、已拿掉的 { $removed } 张、设置、提醒和 PIN。删了就找不回来。手机钱包不受影响。
forget-press = 要全部删掉，请点按钮；打字说“是”怕是在说别的。
forgotten =
    ✅ **全部删掉了**：{ $cards } 张卡、已拿掉的 { $removed } 张、全部设置和提醒，{ $time }。
    聊天记录和文件我删不了，需要的话请自己删一下。以后再找我，就是重新开始。

## 按钮
button-guide = 一步一步带我做
button-helpful = 👍 有帮助
button-not-asked = 👎 不是我问的
button-none-of-these = 都不是
button-person = 找人工
button-topics = 看看有哪些话题
button-help = 你能做什么？
button-cards = 我的卡片
button-add = 添加卡片
button-another-card = 另一张卡
button-skip = 不确定，跳过
button-done = 做好了
button-differs = 我这里不一样
button-back = 上一步
button-back-to-step = 回到这一步
button-cancel = 取消
button-continue = 继续
button-confirm = 是的，拿掉“{ $label }”
button-keep = 不，留着
button-gone = 没了
button-still = 还在
button-undo = 撤销
button-edit-label = 改名
button-edit-wallet = 换钱包
button-edit-issuer = 发卡方
button-edit-digits = 尾号
button-history = 变更记录
button-card = 这张卡
button-clear = 留空
button-page-back = ‹ 第 { $page }/{ $pages } 页
button-page-on = 第 { $page }/{ $pages } 页 ›
button-review = 看看还用不用
button-review-on = 过几个月问我一次
button-review-off = 不用再问
button-still-used = 都还在用
button-skip-reason = 跳过
button-pause = 先放着
button-resume = 接着做
button-uncancel = 还是接着做
button-quiet = 不用再提醒
button-details = 把资料发给我
button-not-sure = 不确定
button-remind = 过 { $minutes } 分钟再问我
button-add-new = 添加新卡
button-use-pin = 用 PIN
button-use-codes = 用动态码
button-unprotect = 关掉
button-export = 全部发给我
button-import = 是的，加进去
button-forget = 全部删掉
button-forget-all = 是的，全部删掉
button-keep-all = 不，都留着
button-take-out = 拿掉
button-bin = 放回一张
button-all-cards = 全部卡片
button-private = 去私聊

## 名称
system-ios = 苹果手机
system-android = 安卓手机
system-harmonyos = 鸿蒙手机
system-watch = 手表或手环
kind-issued = 公司或物业在 App 里发的
kind-copied = 用实体卡复制的
kind-record = 小程序或 App 里的门禁

## 打字也能听懂的说法，用 | 分开
words-yes = 是 | 是的 | 确认 | 确定 | 是的，拿掉 | 确定拿掉 | 确认拿掉
words-no = 不 | 不要 | 不用 | 留着 | 不，留着 | 先留着 | 算了
words-done = 好了 | 做好了 | 完成 | 完成了 | 下一步 | 继续 | 弄好了 | 可以了 | 然后呢 | 好 | 好的
words-back = 上一步 | 返回 | 后退 | 回上一步
words-cancel = 不删了 | 我不想删了 | 不想弄了 | 取消 | 停 | 停下 | 不弄了 | 退出 | 算了
words-differs = 不一样 | 我这里不一样 | 没有这个 | 找不到 | 没看到
words-gone = 没了 | 不在了 | 没有了 | 已经没了 | 是 | 是的
words-still = 还在 | 还在的 | 没消失 | 还显示 | 没有消失
words-undo = 撤销 | 放回来 | 放回去
words-follow-up = 那 | 那么 | 那要是 | 那如果 | 要是 | 如果是 | 换成 | 换作 | 还有
words-system-ios = 苹果手机 | 苹果 | 果机 | iphone
words-system-android = 安卓 | 安卓手机
words-system-harmonyos = 鸿蒙 | 鸿蒙手机 | 鸿蒙系统
words-system-watch = 手表 | 手环
words-not = 不是 | 不在 | 不用 | 没有 | 没 | 别 | 从
words-but = 但 | 而是 | 是
words-forgot = 忘了 | 忘记 | 想不起来 | 不记得 | 没有验证器
words-help = 帮助 | 跳过 | 什么意思 | 另一张卡
words-correction = 其实 | 不对 | 搞错 | 弄错 | 说错 | 选错 | 我说的是 | 应该是 | 是在
words-pause = 稍后再说 | 停一下 | 先不弄了 | 先放着 | 暂停 | 等会儿 | 等一下 | 待会再弄 | 晚点再弄 | 回头再弄
words-not-sure = 跳过 | 不确定 | 不知道 | 不清楚 | 说不准 | 看不出来
words-question = 怎么 | 为什么 | 如何 | 能不能 | 是不是 | 会不会 | 要不要
words-question-end = 吗 | 呢 | 么 | 嘛 | 没有
words-secret = 密码 | 口令 | 验证码 | 校验码 | 动态码 | 动态密码 | 安全码 | 通行码 | 开门码 | pin码 | 支付密码
words-password = 密码 | 口令 | 通行码 | pin码
words-is = 是 | 为 | 就是 | 係 | 系 | 叫 | 设成 | 设成了 | 设为 | 改成 | 改成了 | 改为 | 等于
words-is-my = 是我的 | 是我 | 是 | 就是 | 这个 | 係我嘅 | 系我嘅
words-other-number = 错误码 | 错误代码 | 邮编 | 区号 | 房间 | 房号 | 房 | 室 | 楼 | 栋 | 单元 | 门牌 | 电话 | 手机 | 手机号 | 手机号码 | 客服 | 热线 | 拨打 | 致电 | 打 | 拨 | 打给 | 联系 | 分机 | 版本 | 系统 | 订单 | 订单号 | 订单编号 | 工单 | 单号 | 快递 | 快递单号 | 运单号 | 编号 | 流水号 | 序列号 | 发票 | 身份证 | 身份证号 | 第 | 住 | 住在 | 型号 | 设备号
words-phrase = 助记词 | 恢复短语 | 恢复词
words-counter = 次 | 遍 | 分钟 | 分 | 小时 | 秒 | 天 | 周 | 月 | 年 | 日 | 号 | 号楼 | 楼 | 层 | 室 | 房 | 栋 | 单元 | 元 | 块 | 位 | 个 | 人 | 张 | 米 | 路
words-no-password = wifi | app | pin | nfc
words-beside-code = 验证码 | 码 | 这是 | 是 | 给你 | 谢谢 | 收到 | 如下 | 请 | 我的
words-card-number = 卡号 | 卡的号码 | 银行卡号
words-also = 另外 | 还有 | 顺便问 | 再问一下 | 再问一句
words-guide = 带我做 | 一步一步带我做 | 一步一步来 | 一步步来 | 开始 | 带我操作
# 用拼音打字时常见的词：两个词里有一个，就看得出是中文。不要写人名、牌子和英文里也有的词。
words-common = zenme | zen me | wo de | wode | ni hao | nihao | qing wen | qingwen | weishenme | wei shenme | shenme | shen me | jiebang | jie bang | menka | men ka | menjinka | men jin ka | shanchu | shan chu | qianbao | shouji | bangding | diule | diu le | keyi | ke yi | neng bu neng | bu neng | meiyou | mei you | haishi | zhege | zhe ge

## 斜杠后面可以代替英文命令的词，用 | 隔开
words-command-unbind = 解绑 | 解除绑定 | 移除
words-command-cards = 卡片 | 我的卡 | 我的卡片
words-command-faq = 话题 | 常见问题
words-command-language = 语言 | 换语言 | 切换语言
words-command-protect = 保护
words-command-privacy = 隐私
words-command-export = 导出
words-command-import = 导入
words-command-forget = 全部删除 | 全部删掉
words-command-cancel = 取消 | 停止
words-command-help = 帮助 | 说明
words-command-start = 开始

## 命令菜单
command-unbind = 一步步拿掉一张卡
command-cards = 我的卡片
command-faq = 看看有哪些话题
command-language = 换语言
command-protect = 拿掉卡前先输 PIN 或动态码
command-privacy = 我存了什么，存多久
command-export = 把全部内容发成文件
command-import = 从文件读入卡片
command-forget = 全部删掉
command-cancel = 停下正在做的事
command-help = 我能做什么
command-start = 开始

## 终端
terminal-hello =
    {""}**unbind-bot** 终端版。直接提问，或输入选项的编号。/help 看更多，按 Ctrl-D 结束。
terminal-choose = 这里没有第 { $number } 个选项。
terminal-file = （已存为 { $path }；/forget 会连它一起删掉，想留就先另存一份）
terminal-no-file = （文件写不了：{ $fault }；内容就在下面）
