// Names for the types of the wire, for comments in the page's modules. The types themselves are made from openapi.json by
// `cargo xtask types`. Only editors and the check of the types read this file: no host serves it.

import type { components, paths } from "./types/api.d.ts";

type Schemas = components["schemas"];
export type SignUpload = Schemas["SignUpload"];
export type Confirm = Schemas["Confirm"];
export type CompletedPart = Schemas["CompletedPart"];
export type Problem = Schemas["Problem"];
export type FileError = Schemas["FileError"];
export type Status = Schemas["Status"];
export type Strategy = Schemas["Strategy"];
export type Variant = Schemas["Variant"];
export type ListedFile = Schemas["ListedFile"];
/** Not `File`: browsers have one of their own. */
export type StoredFile = Schemas["File"];

/** A signed upload with two instants of this clock: when to sign anew, and when its URLs end. */
export type Signed = Schemas["SignedUpload"] & { renewAt?: number; endAt?: number };

export type Method = "get" | "post" | "delete";
/** The paths that have an operation of the method. */
export type PathOf<M extends Method> = { [P in keyof paths]: paths[P][M] extends object ? P : never }[keyof paths];
type Operation<M extends Method, P extends PathOf<M>> = NonNullable<paths[P][M]>;
type Json<Content> = { content: { "application/json": Content } };

/** What any operation may take. */
export type AnyInput = { path?: object; query?: object; header?: object; body?: object; signal?: AbortSignal };
/** What an operation takes: the parts of its path, its query, its headers and its body. */
export type Input<M extends Method, P extends PathOf<M>> = AnyInput &
  (Operation<M, P> extends { parameters: infer Parameters } ? Omit<Parameters, "cookie"> : never) &
  (Operation<M, P> extends { requestBody: Json<infer Body> } ? { body: Body } : { body?: never });

/** What an operation answers where it succeeds; null where that has no body. */
export type Success<M extends Method, P extends PathOf<M>> = Operation<M, P> extends { responses: infer Responses }
  ? Responses[keyof Responses & (200 | 201 | 204)] extends Json<infer Body>
    ? Body
    : null
  : never;

/** The answer of an operation, with what its headers say. */
export type Answer<Data> = { data: Data; retryAfterS: number; date: number };
