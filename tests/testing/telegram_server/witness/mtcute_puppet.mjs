// mtcute, unmodified, on strings: one command a line comes in as JSON, its result goes out as one line.
//
// Its packages lie in a folder of their own (argument 2). Its options for tests are used: the addresses of the data centre and the table of
// server keys. Storage is in memory, so that nothing has to be compiled.
import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

console.log = console.error // the output is for answers alone
const server = JSON.parse(process.argv[2]) // host, port, media_port, dc_id, public_key
const from = createRequire(`${process.argv[3]}/`)
const load = (name) => import(pathToFileURL(from.resolve(name)).href.replace(/\.cjs$/, '.js'))
const { TelegramClient, MemoryStorage } = await load('@mtcute/node')
const { addPublicKey, NodeCryptoProvider } = { ...(await load('@mtcute/core/utils.js')), ...(await load('@mtcute/node/utils.js')) }

const crypto = new NodeCryptoProvider()
await crypto.initialize()
addPublicKey(crypto, server.public_key)
const dc = { id: server.dc_id, ipAddress: server.host, port: server.port }
const dcs = { main: dc, media: { ...dc, port: server.media_port, mediaOnly: true } }

class Account {
  constructor() {
    this.storage = new MemoryStorage()
    this.events = []
    this.waiting = []
    this.client = this.made({ catchUp: false })
  }

  made(updates) {
    const level = Number(process.env.WITNESS_LOG ?? 0)
    const how = { storage: this.storage, defaultDcs: dcs, testMode: true, logLevel: level, updates }
    const client = new TelegramClient({ apiId: 1, apiHash: 'hash', ...how })
    client.onNewMessage.add((m) => m.isOutgoing || m.isService || this.put({ kind: 'new', chat: m.chat.id, id: m.id, text: m.text }))
    client.onEditMessage.add((m) => m.isOutgoing || this.put({ kind: 'edit', chat: m.chat.id, id: m.id, text: m.text }))
    client.onDeleteMessage.add((d) => d.messageIds.forEach((id) => this.put({ kind: 'delete', id })))
    return client
  }

  put(event) {
    const next = this.waiting.shift()
    if (next) next(event)
    else this.events.push(event)
  }

  async ask_code({ phone }) {
    this.phone = phone
    this.hash = (await this.client.sendCode({ phone })).phoneCodeHash
  }

  async sign_in({ code }) {
    try {
      return await this.begun(await this.client.signIn({ phone: this.phone, phoneCodeHash: this.hash, phoneCode: code }))
    } catch (error) {
      if (error.text === 'SESSION_PASSWORD_NEEDED') return 'password'
      throw error
    }
  }

  async password({ password }) {
    try {
      return await this.begun(await this.client.checkPassword({ password }))
    } catch (error) {
      if (error.text === 'PASSWORD_HASH_INVALID') return 'wrong'
      throw error
    }
  }

  // Signing in begins to listen without saying when it does; another client over the same storage says so.
  async begun(user) {
    await this.close()
    await this.open({ catchUp: false })
    return user.firstName
  }

  close() {
    return this.client.disconnect()
  }

  // As after a restart of the application.
  async open({ catchUp = true }) {
    this.client = this.made({ catchUp })
    await this.client.connect()
    await this.client.startUpdatesLoop()
  }

  async log_out() {
    await this.client.logOut()
    return true
  }

  event() {
    return this.events.length ? this.events.shift() : new Promise((resolve) => this.waiting.push(resolve))
  }

  async dialogs() {
    const found = []
    for await (const dialog of this.client.iterDialogs()) found.push(dialog.peer.id)
    return found
  }

  async history({ chat }) {
    return (await this.client.getHistory(chat)).map((message) => message.text).filter(Boolean)
  }

  async send({ chat, text, reply_to }) {
    return (await this.client.sendText(chat, text, { replyTo: reply_to })).id
  }

  async edit({ chat, message, text }) {
    return (await this.client.editMessage({ chatId: chat, message, text })).text
  }

  async delete({ chat, message }) {
    await this.client.deleteMessagesById(chat, [message])
  }

  async send_file({ chat, path, caption }) {
    return (await this.client.sendMedia(chat, { type: 'document', file: `file:${path}`, fileName: 'big.bin', caption })).id
  }

  async fetch_file({ chat, message }) {
    const [found] = await this.client.getMessages(chat, message)
    return createHash('sha256').update(await this.client.downloadAsBuffer(found.media)).digest('hex')
  }

  async make_basic({ title, people }) {
    const made = await this.client.createGroup({ title, users: people })
    return (made.chat ?? made).id
  }

  async make_channel({ title, broadcast }) {
    return (await (broadcast ? this.client.createChannel({ title }) : this.client.createSupergroup({ title }))).id
  }
}

const accounts = new Map()
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line)
  let answer
  try {
    if (command.do === 'new') accounts.set(command.account, new Account())
    answer = { result: (command.do === 'new' ? null : await accounts.get(command.account)[command.do](command.with)) ?? null }
  } catch (error) {
    answer = { error: `${error.name}: ${error.message}`, stack: error.stack }
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
// A client that has logged out may wait for a connection that it has closed itself: it is left after some seconds.
const left = new Promise((resolve) => setTimeout(resolve, 5000))
for (const { client } of accounts.values()) await Promise.race([client.destroy().catch(() => {}), left])
process.exit(0)
