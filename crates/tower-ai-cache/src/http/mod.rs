//! JSON chats over HTTP: OpenAI chat and Responses, Anthropic, Gemini.

mod chat;

pub use self::chat::question;
