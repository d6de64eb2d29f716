"""The official Python client, told as JSON what to do; prints what it got as JSON."""

import json
import sys

import openai


def answer(response, events):
    """What a response says, in the words that both languages share."""
    usage = response.usage
    return {
        "id": response.id,
        "status": response.status,
        "text": response.output_text,
        "kinds": [item.type for item in response.output],
        "events": events,
        "usage": usage and {
            "input": usage.input_tokens,
            "cached": usage.input_tokens_details.cached_tokens,
            "output": usage.output_tokens,
            "reasoning": usage.output_tokens_details.reasoning_tokens,
        },
    }


def failure(error):
    return {
        "class": type(error).__name__,
        "status": error.status_code,
        "code": error.code,
        "type": error.type,
        "message": error.message,
    }


def run(client, ask):
    if ask["do"] == "models":
        return {"models": [model.id for model in client.models.list()]}
    words = {"model": ask["model"], "input": ask["prompt"], "tools": ask.get("tools", [])}
    if ask["do"] == "create":
        return answer(client.responses.create(**words), 0)
    with client.responses.stream(**words) as stream:
        events = sum(1 for _ in stream)
        return answer(stream.get_final_response(), events)


def main():
    told = json.loads(sys.argv[1])
    client = openai.OpenAI(api_key=told["key"], base_url=told["url"], max_retries=0)
    answers = []
    for ask in told["asks"]:
        try:
            answers.append(run(client, ask))
        except openai.APIStatusError as error:
            answers.append({"failure": failure(error)})
    print(json.dumps(answers))


main()
